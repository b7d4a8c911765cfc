import { isObject, type JsonObject } from './json.js';
import { answerParts, callsIn, reasoningIn } from './response-output.js';

/** What an answer has that is not its first choice's text, by the names of output lines. */
export interface AnswerExtras {
  /** Calls of tools, as the endpoint has them. */
  readonly tool_calls?: readonly unknown[];
  /** All choices, if the request has asked for several. */
  readonly choices?: readonly unknown[];
}

/** What explains an answer, by the names of detailed output lines. */
export interface AnswerThoughts {
  /** Why the model has refused a part of what was asked. */
  readonly refusal?: string;
  /** The model's reasoning, apart from its answer. */
  readonly reasoning?: string;
}

/** Returns true for a message that calls tools: its text is empty then, and it is an answer all the same. */
export function callsTools({ tool_calls, function_call }: JsonObject): boolean {
  return (Array.isArray(tool_calls) && tool_calls.length > 0) || isObject(function_call);
}

/** Returns what an answer has beyond a text. Most answers have nothing. */
export function extrasOf({ choices, output }: JsonObject): AnswerExtras {
  if (Array.isArray(output)) {
    const calls = callsIn(output);
    return calls.length === 0 ? {} : { tool_calls: calls };
  }
  if (!Array.isArray(choices)) return {};
  const message = messageOf(choices[0]);
  return {
    ...(callsTools(message) ? { tool_calls: toolCallsOf(message) } : {}),
    ...(choices.length > 1 ? { choices } : {}),
  };
}

/** Returns what an answer says about itself. Endpoints name the reasoning differently. */
export function thoughtsOf({ choices, output }: JsonObject): AnswerThoughts {
  if (Array.isArray(output)) {
    const reasoning = reasoningIn(output);
    const refusals = answerParts(output).map((part) => part.refusal);
    const refusal = refusals.find(isText);
    return { ...(refusal === undefined ? {} : { refusal }), ...(reasoning === '' ? {} : { reasoning }) };
  }
  const { refusal, reasoning_content, reasoning } = messageOf(Array.isArray(choices) ? choices[0] : undefined);
  const thoughts = [reasoning_content, reasoning].find(isText);
  return { ...(isText(refusal) ? { refusal } : {}), ...(thoughts === undefined ? {} : { reasoning: thoughts }) };
}

function messageOf(choice: unknown): JsonObject {
  return isObject(choice) && isObject(choice.message) ? choice.message : {};
}

/** The form before tools had ids is brought into today's. */
function toolCallsOf({ tool_calls, function_call }: JsonObject): readonly unknown[] {
  if (Array.isArray(tool_calls) && tool_calls.length > 0) return tool_calls;
  return [{ type: 'function', function: function_call }];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
