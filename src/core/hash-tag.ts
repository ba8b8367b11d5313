/**
 * What stands for a name in braces, so that another name with it lies in the same hash slot of a Cluster: the text between the first
 * braces of the name, or else the whole name (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). Undefined
 * if that cannot be: a whole name with a } would end there.
 */
export function hashTagOf(name: string): string | undefined {
  const tag = /^[^{]*\{([^}]+)\}/.exec(name)?.[1] ?? name;
  return tag.includes('}') ? undefined : tag;
}
