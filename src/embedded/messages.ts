import type { Socket } from 'node:net';
import { type EmbeddedServerErrorCode, isEmbeddedServerErrorCode } from './errors.js';
import { parseFields } from './state.js';

/** Version of the messages below. A keeper and a member of different versions do not talk. */
export const PROTOCOL = 1;

/** What a keeper tells its members: one JSON object per line. */
export type KeeperMessage =
  /** The first line of every conversation: the token was right. */
  | { readonly type: 'hello' }
  | { readonly type: 'step'; readonly message: string }
  | { readonly type: 'ready'; readonly address: string; readonly uiUrl: string }
  | { readonly type: 'failed'; readonly code: EmbeddedServerErrorCode; readonly message: string };

/** Longest line either side accepts, in characters. A log tail in a `failed` message is far below it. */
const MAX_LINE = 65_536;

/** Calls back for each line that arrives on a socket; destroys the socket when a line is too long. */
export function onLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length > MAX_LINE) socket.destroy();
  });
}

/** One message as a line. */
export function encodeMessage(message: KeeperMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** A line as a message; undefined when it is none. */
export function parseMessage(line: string): KeeperMessage | undefined {
  const fields = parseFields(line);
  if (!fields) return undefined;
  const { type, message, address, uiUrl, code } = fields;
  if (type === 'hello') return { type };
  if (type === 'step' && typeof message === 'string') return { type, message };
  if (type === 'ready' && typeof address === 'string' && typeof uiUrl === 'string') return { type, address, uiUrl };
  if (type !== 'failed' || typeof message !== 'string' || typeof code !== 'string') return undefined;
  return isEmbeddedServerErrorCode(code) ? { type, code, message } : undefined;
}
