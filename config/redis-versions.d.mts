export const SERVERS: string;
export function otherServers(): { name: string; dir: string; version: string }[];
export function versionOf(program: string): string | undefined;
