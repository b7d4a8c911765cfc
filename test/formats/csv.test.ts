import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answer, objectOf, renderedAs } from './formats-world.js';

const PYTHON = process.env.PYTHON ?? 'python3';
const HAS_PYTHON = spawnSync(PYTHON, ['--version'], { stdio: 'ignore' }).status === 0;

describe('results as CSV', () => {
  test('have a header, a row an item, and line ends as RFC 4180 has them', async () => {
    const lines = [answer('a', 'x'), { id: 'b', model: null, error: 'invalid: no "prompt"' }];
    expect(String(await renderedAs('csv', { lines }))).toBe(
      'id,model,output,error,tokens\r\na,m,x,,5\r\nb,,,"invalid: no ""prompt""",\r\n',
    );
  });

  test('without a line have a header alone, with all that the run may have', async () => {
    const schema = objectOf({ mood: { type: 'string' } });
    expect(String(await renderedAs('csv', { lines: [], schema, detail: true }))).toBe(
      'id,model,output,parsed,error,tokens,prompt_tokens,completion_tokens,finish_reason,attempts,latency_ms,node_id,models_tried\r\n',
    );
  });

  test('quote only what must be, tell nothing from an empty text, and leave formulas alone', async () => {
    const lines = ['', 'a,b', 'a"b', 'a\nb', 'a\rb', '=1+1', ' a ', 'a\tb'].map((output, at) => answer(at, output));
    const rows = String(await renderedAs('csv', { lines })).split('\r\n');
    expect(rows.slice(1, -1).map((row) => row.slice('0,m,'.length, -',,5'.length))).toEqual([
      '""',
      '"a,b"',
      '"a""b"',
      '"a\nb"',
      '"a\rb"',
      '=1+1',
      ' a ',
      'a\tb',
    ]);
  });

  test('with tabs end rows with a line feed', async () => {
    expect(String(await renderedAs('tsv', { lines: [answer(1, 'a\tb'), answer(2, 'a,b')] }))).toBe(
      'id\tmodel\toutput\terror\ttokens\n1\tm\t"a\tb"\t\t5\n2\tm\ta,b\t\t5\n',
    );
  });

  test('have JSON where a value is no single one, and numbers digit for digit', async () => {
    const line = '{"id":1,"model":"m","output":"x","parsed":{"n":12345678901234567890,"d":1.50},"tokens":5}';
    const text = String(await renderedAs('csv', { lines: [line], schema: objectOf({ n: {}, d: {} }) }));
    expect(text).toContain('\r\n1,m,x,"{""n"":12345678901234567890,""d"":1.50}",,5\r\n');
  });

  test.skipIf(!HAS_PYTHON)("are read by Python's csv module as they were", async () => {
    const outputs = fc.sample(fc.string({ unit: 'grapheme', maxLength: 40 }).filter(isText), { numRuns: 300, seed: 7 });
    const lines = outputs.map((output, at) => answer(at + 1, output));
    const script = `import csv, io, json, sys
rows = list(csv.DictReader(io.TextIOWrapper(sys.stdin.buffer, 'utf-8', newline='')))
print(json.dumps([row['output'] for row in rows]))`;
    const { status, stdout } = spawnSync(PYTHON, ['-c', script], { input: await renderedAs('csv', { lines }) });
    expect(status).toBe(0);
    expect(JSON.parse(String(stdout))).toEqual(outputs);
  });
});

/** Half of a surrogate pair is no text, and Python's csv module knows no NUL. */
function isText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text) && !text.includes('\0');
}
