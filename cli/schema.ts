import { Command } from 'commander';
import { RankerSchema } from '../src/definition/index.js';
import { print } from './output.js';

export const schemaCommand = (): Command =>
  new Command('schema')
    .description('print the JSON Schema of ranker.yaml, for editors')
    .addHelpText(
      'after',
      `
Examples:
  $ watchnext schema > ranker.schema.json
  then put this on the first line of a ranker.yaml:
  # yaml-language-server: $schema=ranker.schema.json`,
    )
    .action(() => {
      const schema = {
        $schema: 'http://json-schema.org/draft-07/schema#',
        title: 'watchnext ranker definition',
        ...RankerSchema,
      };
      print(JSON.stringify(schema, null, 2));
    });
