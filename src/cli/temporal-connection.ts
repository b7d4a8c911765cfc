import {
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';

type Interceptor = ReturnType<typeof makeGrpcRetryInterceptor>;
type Call = ReturnType<Parameters<Interceptor>[1]>;

/** A connection that can be closed at any time. */
export interface TemporalConnection {
  readonly connection: Connection;
  /** Closes it. Calls under way are left without an answer. */
  close(): Promise<void>;
}

/** Connects to a Temporal server. Rejects if it does not answer within `connectTimeout`. */
export async function openConnection(options: ConnectionOptions): Promise<TemporalConnection> {
  let closed = false;
  const retry = makeGrpcRetryInterceptor(defaultGrpcRetryOptions());
  // The SDK sends a call again from a timer, which throws on a closed channel: nobody could catch that, and the process would end.
  const untilClosed: Interceptor = (call, next) => retry(call, (again) => (closed ? UNANSWERED : next(again)));
  const connection = await Connection.connect({ ...options, interceptors: [untilClosed] });
  return {
    connection,
    close: async () => {
      closed = true;
      await connection.close();
    },
  };
}

const nothing = (): void => undefined;

/** A call that is not sent. */
const UNANSWERED: Call = {
  start: nothing,
  sendMessage: nothing,
  sendMessageWithContext: nothing,
  startRead: nothing,
  halfClose: nothing,
  cancelWithStatus: nothing,
  getPeer: () => '',
  getAuthContext: () => null,
};
