/** Whether the setting of a key or a certificate holds the text itself, and not the path of a file. */
export function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}
