import type { ReporterStream } from './reporter.js';

/** A stream that may be gone: what is written then is dropped. */
export interface SafeStream {
  write(text: string): void;
  /** Whether what is written now would only pile up: the reader is slow or gone. */
  isBusy(): boolean;
}

/** Writing to a stream without ever throwing: a closed standard error must not end a run. */
export function safeStream(stream: ReporterStream): SafeStream {
  let gone = false;
  const lose = (): void => {
    gone = true;
  };
  stream.on('error', lose);
  return {
    write: (text) => {
      if (gone || stream.destroyed || stream.writableEnded) return;
      try {
        stream.write(text);
      } catch {
        lose();
      }
    },
    isBusy: () => gone || stream.destroyed || stream.writableNeedDrain,
  };
}
