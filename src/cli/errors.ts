import { stripVTControlCharacters } from 'node:util';
import type { WorkflowFailedError } from '@temporalio/client';
import { batchFailureOf } from '../batch/batch-failure.js';
import { systemCode } from '../system-error.js';

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

/** True for what waiting for a run's result throws when the run has not ended well. */
export function isRunFailed(error: unknown): error is WorkflowFailedError {
  return isNamed(error, 'WorkflowFailedError');
}

/** Why a run has not ended well, from what waiting for its result throws: what the workflow said, without layers around it. */
export function runFailureWords(error: unknown): string {
  const { message } = batchFailureOf(error) ?? causesOf(error).at(-1) ?? { message: String(error) };
  return message;
}

/** By its name: importing the class would load the SDK before the server is started. */
export function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
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
  ENOTDIR: 'a part of the path is not a folder',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many links',
  ENXIO: 'nobody is at its other end',
  EMFILE: 'too many open files in this process; raise the limit (ulimit -n), or use fewer requests at a time (-c)',
  ENFILE: 'too many open files on this machine',
  ECONNRESET: 'the connection was cut',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a directory',
  ENOENT: 'no such file or folder',
};

/** An error for the terminal: one clear message with the way out; the stack only for `--debug`. */
export function describeFailure(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return causesOf(error).map(stackOf).join('\nCaused by: ');
  if (!(error instanceof Error)) return String(error);
  const said = error instanceof UserError ? userMessage(error) : (systemReason(error) ?? messages(error));
  return printable(said);
}

/** The message, with what the system said where that is the cause and the message does not say it, and the way out. */
function userMessage({ message, hint, cause }: UserError): string {
  const reason = causesOf(cause)
    .map(reasonOf)
    .find((found) => found !== undefined);
  const why = reason === undefined || message.includes(reason) ? message : `${message}: ${reason}`;
  return hint === undefined ? why : `${why}\n${hint}`;
}

function reasonOf(error: Error): string | undefined {
  return SYSTEM_REASONS[systemCode(error) ?? ''];
}

function systemReason(error: Error): string | undefined {
  const reason = reasonOf(error);
  if (reason === undefined) return undefined;
  const place = placeOf(error);
  return place === undefined ? reason : `${place}: ${reason}`;
}

/** What a system error is about: a path, an address or a host. A failure of several addresses has them inside. */
function placeOf(error: Error): string | undefined {
  const { path, address, port, hostname }: Record<string, unknown> = Object.fromEntries(Object.entries(error));
  if (typeof path === 'string') return path;
  if (typeof address === 'string') return addressOf(address, port);
  if (typeof hostname === 'string') return hostname;
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? placeOf(first) : undefined;
}

function addressOf(address: string, port: unknown): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return typeof port === 'number' ? `${host}:${port}` : host;
}

/** The messages of an error and its causes, each said once. */
function messages(error: Error): string {
  const said: string[] = [];
  for (const cause of causesOf(error)) {
    const message = cause === error ? cause.message : (systemReason(cause) ?? cause.message);
    if (message !== '' && !said.some((before) => before.includes(message))) said.push(message);
  }
  return said.length === 0 ? error.name : said.join(': ');
}

/** An error and its causes, outermost first, each once: a chain may be a ring. */
function causesOf(error: unknown): Error[] {
  const chain = new Set<Error>();
  for (let current = error; current instanceof Error && !chain.has(current); current = current.cause) {
    chain.add(current);
  }
  return [...chain];
}

function stackOf(error: Error): string {
  return error.stack ?? error.message;
}

/** Messages may hold what a server or a file said: it must not steer the terminal. Line ends stay. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\n\t]/gu, '');
}
