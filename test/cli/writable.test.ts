import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { printError } from '../../cli/output.js';
import { trainCommand } from '../../cli/train.js';
import { requireWritable } from '../../cli/writable.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watchnext-writable-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('where versions go', () => {
  test('may be a folder that is not there yet, and is not made before it is needed', async () => {
    await requireWritable(join(folder, 'new', 'films'), '--models');
    expect(await readdir(folder)).toEqual([]);
  });

  test('is looked at before the data: a file in the way is named, with the flag', async () => {
    const file = join(folder, 'models');
    await writeFile(file, 'not a folder');
    const training = trainCommand().parseAsync(['models/demo/ranker.yaml', '--data', '/nowhere', '--models', file], {
      from: 'user',
    });
    await expect(training).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [
        {
          path: file,
          message: 'is a file, not a folder',
          hint: 'make it writable, or name another folder with --models',
        },
      ],
    });
  });
});

describe('a command that fails on a file', () => {
  const told = (error: unknown): string => {
    let stderr = '';
    const spy = jest.spyOn(process.stderr, 'write').mockImplementation((text) => (stderr += String(text)) !== '');
    printError(error, { json: false });
    spy.mockRestore();
    return stderr;
  };

  test('says which and what to do, without a stack', () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, open '/logs/x'"), {
      ...{ code: 'ENOSPC', path: '/logs/x' },
    });
    expect(told(full)).toBe(
      "watchnext: /logs/x cannot be used.\n  /logs/x: ENOSPC: no space left on device, open '/logs/x'\n      free space on its disk\n",
    );
  });

  test('shows the stack of a failure that is nobody’s but the program’s', () => {
    const found = told(Object.assign(new Error('lost'), { code: 'ENOENT', path: '/logs/x' }));
    expect(found).toContain('Error: lost\n    at ');
  });
});
