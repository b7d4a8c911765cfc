import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { refused } from '../support/refused.js';

const PNG_HEAD = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const WAY_OUT = /Nothing was started: fix (this line|these lines), or give --skip-invalid/;

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
  mkdirSync(world.path('in'));
});
afterAll(() => world.close());

/** What `batch` says of an input that it must refuse. */
async function refusedInput(content: string | Uint8Array): Promise<string> {
  return await refused(world, ['batch', world.file('in/bad.jsonl', content)]);
}

describe('a bad line is named with its file and number, its field and the way out:', () => {
  test.each<[what: string, lines: string, line: number, says: RegExp]>([
    ['broken JSON', '{"prompt":"a"}\n{"prompt":', 2, /not valid JSON/],
    ['JSON over several lines', '{\n"prompt":"a"\n}', 1, /one whole object on each line/],
    ['an array', '["a"]', 1, /must be an object like \{"prompt": "…"\}, not an array/],
    ['plain text', 'just a prompt', 1, /not valid JSON/],
    ['no prompt', '\n\n{"id":"a"}', 3, /prompt: missing/],
    ['a prompt that is no text', '{"prompt":["a"]}', 1, /prompt: must be text, not an array/],
    ['an empty prompt', '{"prompt":""}', 1, /prompt: must not be empty/],
    ['a blank prompt', '{"prompt":" \\n\\t"}', 1, /prompt: must not be empty/],
    ['an id of a wrong type', '{"prompt":"a","id":true}', 1, /id: must be text or a number, not a boolean/],
    ['an attachment of a wrong type', '{"prompt":"a","attachment":1}', 1, /attachment: must be text, not a number/],
    ['a misspelt field', '{"promt":"a"}', 1, /unknown field "promt": did you mean "prompt"\?/],
    ['a duplicate id', '{"prompt":"a","id":"x"}\n{"prompt":"b","id":"x"}', 2, /id: "x" is a duplicate of line 1/],
    ["an id that is another line's number", '{"prompt":"a"}\n{"prompt":"b","id":1}', 2, /id: "1" is the id of line 1/],
    ['a NUL byte', '{"prompt":"a\0b"}', 1, /NUL byte at character 13/],
  ])('%s', async (_what, lines, line, says) => {
    const said = await refusedInput(lines);
    expect(said).toMatch(says);
    expect(said).toContain(`${world.path('in/bad.jsonl')}:${line}: `);
    expect(said).toMatch(WAY_OUT);
  });

  test('bytes that are not UTF-8', async () => {
    const said = await refusedInput(
      Buffer.concat([Buffer.from('{"prompt":"a'), Buffer.of(0xff, 0xfe), Buffer.from('"}')]),
    );
    expect(said).toMatch(/bad\.jsonl:1: .*UTF-8/);
  });

  test('more than 20 problems: the first 20 and a count', async () => {
    const said = await refusedInput('{"prompt":1}\n'.repeat(33));
    expect(said.match(/bad\.jsonl:\d+: /g)).toHaveLength(20);
    expect(said).toContain(`bad.jsonl:20: `);
    expect(said).toContain('… and 13 more');
  });
});

describe('an attachment is refused when', () => {
  beforeAll(() => {
    mkdirSync(world.path('outside'));
    world.file('outside/secret.png', PNG_HEAD);
    symlinkSync(world.path('outside/secret.png'), world.path('in/link.png'));
    symlinkSync(world.path('outside'), world.path('in/folder'));
    symlinkSync('loop.png', world.path('in/loop.png'));
    world.file('in/empty.png', '');
    world.file('in/fake.png', 'no image at all');
    world.file('in/huge.png', PNG_HEAD);
    truncateSync(world.path('in/huge.png'), 21 * 1024 * 1024);
    mkdirSync(world.path('in/folder.png'));
  });

  test.each<[what: string, attachment: string, says: RegExp]>([
    ['it is missing', 'nowhere.png', /nowhere\.png.*(no such file|does not exist|not found|missing)/],
    ['it is outside by ..', '../outside/secret.png', /--attachments-root/],
    ['it is outside by an absolute path', '/etc/passwd', /--attachments-root/],
    ['it is outside through a link', 'link.png', /--attachments-root/],
    ['it is outside through a folder that is a link', 'folder/secret.png', /--attachments-root/],
    ['it is a link to itself', 'loop.png', /loop\.png/],
    ['it is a folder', 'folder.png', /folder\.png/],
    ['it is empty', 'empty.png', /empty/],
    ['it is no image', 'fake.png', /fake\.png/],
    ['it is too large', 'huge.png', /22 MB.*20 MB/],
    ['it is a URL of another kind', 'ftp://example.test/a.png', /only http\(s\) and data URLs and paths/],
    ['it is a broken data URL', 'data:image/png;base64,????', /data/],
  ])('%s', async (_what, attachment, says) => {
    const said = await refusedInput(JSON.stringify({ prompt: 'a', attachment }));
    expect(said).toMatch(says);
    expect(said).toMatch(/bad\.jsonl:1: attachment: /);
    expect(said).toMatch(WAY_OUT);
  });
});

describe('a whole input is refused when', () => {
  test.each<[what: string, content: string, says: RegExp]>([
    ['it is empty', '', /bad\.jsonl is empty: it needs at least one line like \{"prompt": "…"\}/],
    ['it has only blank lines', '\n  \r\n\n', /bad\.jsonl has only blank lines/],
    ['it is UTF-16', '\u00ff\u00fe{\0', /bad\.jsonl is UTF-16: save it as UTF-8/],
    ['it is a compressed file that is cut off', '\u001f\u008b\u0008', /bad\.jsonl is cut off: its gzip/],
    ['it is compressed in another way', 'BZh91AY', /bad\.jsonl is compressed with bzip2: give what/],
  ])('%s', async (_what, content, says) => {
    expect(await refusedInput(Buffer.from(content, 'latin1'))).toMatch(says);
  });

  test('it is not there, or a folder', async () => {
    expect(await refused(world, ['batch', world.path('in/none.jsonl')])).toMatch(/none\.jsonl: no such file/);
    expect(await refused(world, ['batch', world.path('in')])).toMatch(/in is a directory: give a JSONL file/);
  });

  test('standard input is empty', async () => {
    expect(await refused(world, ['batch', '-'], { stdin: '' })).toMatch(/standard input is empty/);
  });
});
