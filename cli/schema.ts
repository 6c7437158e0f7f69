import { Command } from 'commander';
import { RankerSchema } from '../src/definition/index.js';
import { print } from './output.js';
import { referencePage } from './reference-page.js';

export const schemaCommand = (): Command =>
  new Command('schema')
    .option('--markdown', 'a page with every key instead')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext schema > ranker.schema.json
  then put this on the first line of a ranker.yaml:
  # yaml-language-server: $schema=ranker.schema.json
  $ watchnext schema --markdown > definition.md`,
    )
    .action(({ markdown }: { markdown?: boolean }) => {
      if (markdown === true) {
        print(referencePage(RankerSchema).trimEnd());
        return;
      }
      const schema = {
        $schema: 'http://json-schema.org/draft-07/schema#',
        title: 'watchnext ranker definition',
        ...RankerSchema,
      };
      print(JSON.stringify(schema, null, 2));
    });
