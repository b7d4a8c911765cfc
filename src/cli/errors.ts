/** What a user error may carry beside its message. */
export interface UserErrorOptions extends ErrorOptions {
  /** 2 for what the user gave, 1 for what happened. */
  readonly exitCode: 1 | 2;
  /** The way out. */
  readonly hint?: string;
}

/** An error in words for the person at the terminal, with the command's exit code. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: 1 | 2;
  readonly hint: string | undefined;

  constructor(message: string, { exitCode, hint, ...options }: UserErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** What system error codes mean in words. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'no answer in time',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOENT: 'no such file or folder',
};

/** An error for the terminal: one clear message with the way out; the stack only for `--debug`. */
export function describeFailure(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return stackOf(error);
  if (error instanceof UserError) return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  if (!(error instanceof Error)) return String(error);
  return systemReason(error) ?? messages(error);
}

function systemReason(error: Error): string | undefined {
  if (!('code' in error) || typeof error.code !== 'string') return undefined;
  const reason = SYSTEM_REASONS[error.code];
  if (reason === undefined) return undefined;
  const path = 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : '';
  return `${path}${reason}`;
}

/** The messages of an error and its causes, each said once. */
function messages(error: Error): string {
  const said: string[] = [];
  for (let current: unknown = error; current instanceof Error; current = current.cause) {
    const { message } = current;
    if (message !== '' && !said.some((before) => before.includes(message))) said.push(message);
  }
  return said.join(': ');
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
