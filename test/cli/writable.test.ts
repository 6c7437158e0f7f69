import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { printError } from '../../cli/output.js';
import { trainCommand } from '../../cli/train.js';
import { verbs } from '../../cli/verbs.js';
import { requireWritable, requireWritableFile, writeOut } from '../../cli/writable.js';

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
          hint: 'name another folder with --models',
        },
      ],
    });
  });

  test('is tried out, and left as it was', async () => {
    await requireWritable(folder, '--models');
    expect(await readdir(folder)).toEqual([]);
  });

  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('is refused at once where no folder can be made, whatever its rights say', async () => {
    await expect(requireWritable('/proc/versions/films', '--models')).rejects.toMatchObject({
      message: '/proc cannot be written.',
      problems: [{ path: '/proc' }],
    });
  });
});

describe('a file that a command writes when its work is done', () => {
  test('may be in folders that are made for it', async () => {
    const file = join(folder, 'deep', 'report.md');
    await requireWritableFile(file, '--out');
    expect(await readdir(folder)).toEqual([]);
    await writeOut(file, 'found');
    expect(await readdir(join(folder, 'deep'))).toEqual(['report.md']);
  });

  test('is refused before the work where it is a folder, or below a file', async () => {
    await expect(requireWritableFile(folder, '--out')).rejects.toMatchObject({
      problems: [{ path: '--out', message: `${folder} is a folder`, hint: 'name a file in it' }],
    });
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(requireWritableFile(join(file, 'report.md'), '--out')).rejects.toMatchObject({
      problems: [{ path: file, message: 'is a file, not a folder' }],
    });
  });

  test('may be what is no file at all, such as the terminal', async () => {
    await requireWritableFile('/dev/null', '--out');
    await writeOut('/dev/null', 'nobody reads this');
  });
});

describe.each([
  ['simulate', ['--days', '1', '--out']],
  ['export', ['demo', '--self-contained']],
  ['key', ['create', '--name', 'web', '--role', 'rank', '--file']],
  ['tune', ['--definition', 'models/demo/ranker.yaml', '--data', '/nowhere', '--out']],
  ['evaluate', ['models/demo/ranker.yaml', '--data', '/nowhere', '--train-until', '2026-05-01', '--report']],
] as const)('%s', (name, words) => {
  test('refuses at once what it could not write', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const command = await verbs.find((verb) => verb.name === name)!.load();
    await expect(command.parseAsync([...words, join(file, 'x.svg')], { from: 'user' })).rejects.toMatchObject({
      code: 'settings_invalid',
      problems: [{ path: file, message: 'is a file, not a folder' }],
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

  test('tells a program, too, where the result would be, whatever went wrong', () => {
    let stdout = '';
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((text) => (stdout += String(text)) !== '');
    const quiet = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    printError(new Error('lost'), { json: true });
    for (const each of [spy, quiet]) each.mockRestore();
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'internal', message: 'lost', problems: [] } });
  });

  test('shows the stack of a failure that is nobody’s but the program’s', () => {
    const found = told(Object.assign(new Error('lost'), { code: 'ENOENT', path: '/logs/x' }));
    expect(found).toContain('Error: lost\n    at ');
  });
});
