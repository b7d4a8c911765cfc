import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bodyStream } from '../../src/dria/attachment-stream.js';
import type { ChatBody } from '../../src/dria/body-pieces.js';
import { chatBody } from '../../src/dria/chat-body.js';
import type { ChatAttachment, ChatRequest } from '../../src/dria/chat-request.js';
import type { RequestProfile } from '../../src/dria/request-profile.js';

const REQUEST: ChatRequest = { model: 'm', prompt: 'hi "there"\n', maxTokens: 5, temperature: 0.7, timeoutMs: 1500 };

const PROFILE: RequestProfile = {
  sendsTimeout: true,
  maxTokensField: 'max_tokens',
  sendsTemperature: true,
  schemaForm: 'strict',
};

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (let n = 0; start < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

async function sent(attachment?: ChatAttachment): Promise<{ content: unknown }> {
  const body = chatBody(attachment === undefined ? REQUEST : { ...REQUEST, attachments: [attachment] }, PROFILE);
  return JSON.parse(await streamed(body)).messages[0];
}

async function streamed(body: ChatBody): Promise<string> {
  const { stream, length } = bodyStream(body);
  const bytes = Buffer.concat(await stream.toArray());
  expect(bytes.length).toBe(length);
  return bytes.toString('utf8');
}

/** The text of a body that has nothing to be streamed. */
function textOf([text = '', ...others]: ChatBody): string {
  if (typeof text !== 'string' || others.length > 0) throw new Error('it is streamed');
  return text;
}

describe('the body of a request', () => {
  it('has the system message before the prompt, or at its beginning for a target that refuses one', () => {
    const messages = (profile: RequestProfile): unknown => {
      const body = chatBody({ ...REQUEST, system: 'Be "brief".' }, profile);
      return JSON.parse(textOf(body)).messages;
    };
    expect(messages(PROFILE)).toEqual([
      { role: 'system', content: 'Be "brief".' },
      { role: 'user', content: REQUEST.prompt },
    ]);
    expect(messages({ ...PROFILE, joinsSystem: true })).toEqual([
      { role: 'user', content: `Be "brief".\n\n${REQUEST.prompt}` },
    ]);
  });

  it('has the prompt as a plain string and the settings under the names of the API', () => {
    const body = chatBody(REQUEST, PROFILE);
    expect(JSON.parse(textOf(body))).toEqual({
      model: 'm',
      max_tokens: 5,
      temperature: 0.7,
      timeout_secs: 2,
      messages: [{ role: 'user', content: 'hi "there"\n' }],
    });
  });

  it('asks for the schema, strictly', () => {
    const schema = { type: 'object', properties: {} };
    const body = chatBody({ ...REQUEST, schema: { name: 'answer', schema } }, PROFILE);
    expect(JSON.parse(textOf(body)).response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: true },
    });
  });

  it.each<[string, ChatAttachment, object]>([
    [
      'a link to an image',
      { kind: 'image', mediaType: 'image/png', url: 'https://a.example/b.png?c="d"' },
      { type: 'image_url', image_url: { url: 'https://a.example/b.png?c="d"' } },
    ],
    [
      'a data URL of an image',
      { kind: 'image', mediaType: 'image/png', url: 'data:image/png;base64,AAAA' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    ],
    [
      'a data URL of a sound',
      { kind: 'audio', mediaType: 'audio/mpeg', url: 'data:audio/mpeg;base64,AAAA' },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
    ],
    [
      'a percent-encoded data URL of a sound',
      { kind: 'audio', mediaType: 'audio/x-wav', url: 'data:audio/x-wav,RI%46F%ff' },
      {
        type: 'input_audio',
        input_audio: { data: Buffer.from('RIFF\xff', 'latin1').toString('base64'), format: 'wav' },
      },
    ],
    [
      'a link to a sound',
      { kind: 'audio', mediaType: 'audio/wav', url: 'https://a.example/b.wav' },
      { type: 'audio_url', audio_url: { url: 'https://a.example/b.wav' } },
    ],
  ])('has %s as a part after the text', async (_, attachment, part) => {
    expect((await sent(attachment)).content).toEqual([{ type: 'text', text: REQUEST.prompt }, part]);
  });

  it.each<[string, ChatAttachment]>([
    [
      'a sound that is neither wav nor mp3',
      { kind: 'audio', mediaType: 'audio/ogg', bytes: 1, open: () => inChunks(new Uint8Array(1), [1]) },
    ],
    [
      'an image whose type would break out of the JSON',
      { kind: 'image', mediaType: 'image/x","', bytes: 1, open: () => inChunks(new Uint8Array(1), [1]) },
    ],
    ['a data URL without data', { kind: 'audio', mediaType: 'audio/wav', url: 'data:audio/wav;base64' }],
  ])('cannot be made of %s', (_, attachment) => {
    expect(() => chatBody({ ...REQUEST, attachments: [attachment] }, PROFILE)).toThrow(
      expect.objectContaining({ code: 'InvalidAttachment' }),
    );
  });
});

describe('a streamed attachment', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });

  it('arrives byte for byte, in whatever chunks it is read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), sizes, async (bytes, chunks) => {
        const open = () => inChunks(bytes, chunks);
        const base64 = Buffer.from(bytes).toString('base64');
        const image = await sent({ kind: 'image', mediaType: 'image/png', bytes: bytes.length, open });
        expect(image.content).toMatchObject([{}, { image_url: { url: `data:image/png;base64,${base64}` } }]);
        const audio = await sent({ kind: 'audio', mediaType: 'audio/wav', bytes: bytes.length, open });
        expect(audio.content).toMatchObject([{}, { input_audio: { data: base64, format: 'wav' } }]);
      }),
    );
  });

  it('is encoded right when its source uses one buffer for all chunks', async () => {
    const open = async function* () {
      const buffer = Buffer.alloc(4);
      for (const text of ['abcd', 'efgh', 'ij']) yield buffer.subarray(0, buffer.write(text));
    };
    const message = await sent({ kind: 'image', mediaType: 'image/png', bytes: 10, open });
    const base64 = Buffer.from('abcdefghij').toString('base64');
    expect(message.content).toMatchObject([{}, { image_url: { url: `data:image/png;base64,${base64}` } }]);
  });
});

describe('several attachments', () => {
  const bytes = (text: string) => ({ bytes: text.length, open: () => inChunks(Buffer.from(text), [2]) });
  const image: ChatAttachment = { kind: 'image', mediaType: 'image/png', ...bytes('image') };
  const sound: ChatAttachment = { kind: 'audio', mediaType: 'audio/wav', ...bytes('sound') };
  const file: ChatAttachment = { kind: 'file', mediaType: 'application/pdf', name: 'a "b".pdf', ...bytes('pages') };
  const link: ChatAttachment = { kind: 'file', mediaType: 'application/pdf', url: 'https://e.com/a.pdf' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it('follow the prompt in their order', async () => {
    const body = chatBody({ ...REQUEST, attachments: [image, link, sound, file] }, PROFILE);
    expect(JSON.parse(await streamed(body)).messages[0].content).toEqual([
      { type: 'text', text: REQUEST.prompt },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${base64('image')}` } },
      { type: 'file', file: { filename: 'document.pdf', file_data: 'https://e.com/a.pdf' } },
      { type: 'input_audio', input_audio: { data: base64('sound'), format: 'wav' } },
      { type: 'file', file: { filename: 'a "b".pdf', file_data: `data:application/pdf;base64,${base64('pages')}` } },
    ]);
  });

  it('stand in messages for the parts that name a path, which keep what else they say', async () => {
    const whole = { type: 'image_url', image_url: { url: 'https://e.com/a.png' } };
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'image_url', image_url: { detail: 'low', url: 'a.png' } }, whole], name: 'n' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] },
      {
        role: 'user',
        content: [
          { type: 'file', file: { path: 'x/y.pdf', filename: 'own.pdf' } },
          { type: 'file', file: { path: 'b.wav' } },
        ],
      },
    ];
    const body = chatBody({ ...REQUEST, messages, attachments: [image, file, sound] }, PROFILE);
    expect(JSON.parse(await streamed(body)).messages).toEqual([
      messages[0],
      {
        role: 'user',
        name: 'n',
        content: [
          { type: 'image_url', image_url: { detail: 'low', url: `data:image/png;base64,${base64('image')}` } },
          whole,
        ],
      },
      messages[2],
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'own.pdf', file_data: `data:application/pdf;base64,${base64('pages')}` } },
          { type: 'input_audio', input_audio: { data: base64('sound'), format: 'wav' } },
        ],
      },
    ]);
  });
});

describe('the body of a request to repair an answer', () => {
  const repair = { text: '{"n": "é"}', length: 10, complaint: 'the answer is not what it should be' };
  const messagesOf = (body: string): unknown[] => JSON.parse(body).messages;

  it('has the answer and what is wrong with it behind the prompt', () => {
    const body = chatBody({ ...REQUEST, repair }, PROFILE);
    expect(messagesOf(textOf(body))).toEqual([
      { role: 'user', content: 'hi "there"\n' },
      { role: 'assistant', content: '{"n": "é"}' },
      { role: 'user', content: expect.stringContaining('cannot be used: the answer is not what it should be. Answer') },
    ]);
  });

  it('has them behind an attachment that is streamed', async () => {
    const attachment: ChatAttachment = {
      kind: 'image',
      mediaType: 'image/png',
      bytes: 3,
      open: () => inChunks(Buffer.from('abc'), [1]),
    };
    const body = chatBody({ ...REQUEST, attachments: [attachment], repair: { ...repair, length: 99 } }, PROFILE);
    expect(body).toHaveLength(3);
    expect(messagesOf(await streamed(body))).toMatchObject([
      { role: 'user', content: [{ type: 'text' }, { type: 'image_url' }] },
      { role: 'assistant' },
      { role: 'user', content: expect.stringContaining('Only the first 10 of its 99 characters') },
    ]);
  });
});
