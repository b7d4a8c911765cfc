import { describe, expect, it } from 'vitest';
import { type RequestField, RequestProfiles, sentFields } from '../../src/dria/request-profile.js';

/** What is sent after the target has refused these fields, one after the other. */
function refusing(refused: readonly RequestField[]) {
  const profiles = new RequestProfiles(true);
  for (const field of refused) profiles.learn('m', profiles.of('m'), field);
  const profile = profiles.of('m');
  return {
    sent: sentFields(profile, { schema: { name: 'answer', schema: {} } }),
    form: profile.schemaForm,
    lessons: profiles.lessons.map(({ text }) => text),
  };
}

describe('a field that a target refuses', () => {
  it.each<[RequestField[], RequestField[], string]>([
    [
      ['timeout_secs'],
      ['max_tokens', 'temperature', 'response_format'],
      'm: the endpoint refuses timeout_secs; it is left out',
    ],
    [
      ['temperature'],
      ['timeout_secs', 'max_tokens', 'response_format'],
      'm: the endpoint refuses temperature; it is left out',
    ],
    [
      ['max_tokens'],
      ['timeout_secs', 'max_completion_tokens', 'temperature', 'response_format'],
      'm: the endpoint refuses max_tokens; it is sent as max_completion_tokens',
    ],
    [
      ['max_tokens', 'max_completion_tokens'],
      ['timeout_secs', 'temperature', 'response_format'],
      'm: the endpoint refuses max_completion_tokens; it is left out',
    ],
  ])('%j: it is sent as, or left out', (refused, sent, lesson) => {
    expect(refusing(refused).sent).toEqual(sent);
    expect(refusing(refused).lessons.at(-1)).toBe(lesson);
  });

  it('is, for the schema, sent in a weaker form each time', () => {
    const forms = [0, 1, 2, 3].map((times) => refusing(Array<RequestField>(times).fill('response_format')).form);
    expect(forms).toEqual(['strict', 'loose', 'object', 'prompt']);
    expect(refusing(['response_format']).lessons).toEqual([
      'm: the endpoint refuses the schema with strict: true; it is sent with strict: false',
    ]);
    expect(refusing(Array<RequestField>(3).fill('response_format')).sent).not.toContain('response_format');
  });

  it('is, for the system message, sent at the beginning of the prompt', () => {
    const profiles = new RequestProfiles(false);
    expect(sentFields(profiles.of('m'), { system: 'Be brief.' })).toContain('system');
    profiles.learn('m', profiles.of('m'), 'system');
    expect(sentFields(profiles.of('m'), { system: 'Be brief.' })).not.toContain('system');
    expect(profiles.learn('m', profiles.of('m'), 'system')).toBeUndefined();
    expect(profiles.lessons.map(({ text }) => text)).toEqual([
      'm: the endpoint refuses a system message; its text is sent at the beginning of the prompt',
    ]);
  });

  it('is learnt once by requests that were under way together', () => {
    const profiles = new RequestProfiles(true);
    const sent = profiles.of('m');
    const first = profiles.learn('m', sent, 'timeout_secs');
    expect(profiles.learn('m', sent, 'timeout_secs')).toBe(first);
    expect(profiles.lessons).toHaveLength(1);
    expect(profiles.of('other').sendsTimeout).toBe(true);
  });

  it('that cannot be dropped teaches nothing', () => {
    const profiles = new RequestProfiles(false);
    expect(profiles.learn('m', profiles.of('m'), 'timeout_secs')).toBeUndefined();
    for (let n = 0; n < 3; n++) profiles.learn('m', profiles.of('m'), 'response_format');
    expect(profiles.learn('m', profiles.of('m'), 'response_format')).toBeUndefined();
  });
});
