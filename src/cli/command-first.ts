/**
 * Arguments with the flags that stand before the command put behind its name. The `temporal` CLI runs
 * `temporal dria batch … -o x` as `temporal-dria -o x batch …`: a flag that it has itself comes first.
 */
export function commandFirst(args: readonly string[], commands: ReadonlySet<string>): string[] {
  const at = args.findIndex((arg) => commands.has(arg));
  const command = args[at];
  if (command === undefined || args[0]?.startsWith('-') !== true) return [...args];
  return [command, ...args.slice(0, at), ...args.slice(at + 1)];
}
