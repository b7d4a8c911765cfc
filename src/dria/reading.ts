/** A vector: its numbers, or these as base64, as the request asks for them. */
export type Vector = readonly number[] | string;

/** What the body of an answer says, whatever path it came by. */
export interface Reading {
  /** Empty if there is none. */
  readonly text: string;
  /** Why the model stopped, in the words of chats: `stop`, `length`, `content_filter`, … */
  readonly finishReason?: string | undefined;
  /** Why the model has refused. */
  readonly refusal?: string | undefined;
  /** It calls tools: then there need be no text. */
  readonly callsTools: boolean;
  /** One for each input, if vectors were asked for: then there is no text. */
  readonly vectors?: readonly Vector[];
}
