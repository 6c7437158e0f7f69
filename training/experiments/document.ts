/** A report as its parts, to be written as Markdown or as one HTML file that needs nothing else. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  /** What must not be overlooked. */
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'picture'; readonly file: string; readonly svg: string; readonly caption: string };

export interface MarkdownDocument {
  readonly markdown: string;
  /** SVG texts by file name, relative to the Markdown file. */
  readonly pictures: ReadonlyMap<string, string>;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** Pictures are files beside it: their names begin with `prefix`. */
export const toMarkdown = (blocks: readonly Block[], prefix = ''): MarkdownDocument => {
  const pictures = new Map<string, string>();
  const parts = blocks.map((block): string => {
    switch (block.kind) {
      case 'heading':
        return `${'#'.repeat(block.level)} ${block.text}`;
      case 'text':
        return block.text;
      case 'warning':
        return `> **Warning.** ${block.text}`;
      case 'list':
        return block.items.map((item) => `- ${item}`).join('\n');
      case 'table':
        return [block.columns, block.columns.map(() => '---'), ...block.rows]
          .map((row) => `| ${row.map(cell).join(' | ')} |`)
          .join('\n');
      case 'picture':
        pictures.set(prefix + block.file, block.svg);
        return `![${block.caption}](${prefix}${block.file})`;
    }
  });
  return { markdown: `${parts.join('\n\n')}\n`, pictures };
};

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const style = `body{font:16px/1.5 system-ui,sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-size:14px}
th,td{border-bottom:1px solid #ddd;padding:.3rem .6rem;text-align:left;vertical-align:top}
.warning{border-left:4px solid #d1495b;background:#fbeef0;padding:.5rem 1rem}
figure{margin:1rem 0}svg{max-width:100%;height:auto}`;

export const toHtml = (blocks: readonly Block[]): string => {
  const title = blocks.find((block) => block.kind === 'heading')?.text ?? '';
  const body = blocks.map((block): string => {
    switch (block.kind) {
      case 'heading':
        return `<h${block.level}>${escape(block.text)}</h${block.level}>`;
      case 'text':
        return `<p>${escape(block.text)}</p>`;
      case 'warning':
        return `<p class="warning"><strong>Warning.</strong> ${escape(block.text)}</p>`;
      case 'list':
        return `<ul>${block.items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`;
      case 'table': {
        const row = (cells: readonly string[], tag: 'th' | 'td'): string =>
          `<tr>${cells.map((text) => `<${tag}>${escape(text)}</${tag}>`).join('')}</tr>`;
        return `<table>${row(block.columns, 'th')}${block.rows.map((cells) => row(cells, 'td')).join('')}</table>`;
      }
      case 'picture':
        return `<figure>${block.svg}<figcaption>${escape(block.caption)}</figcaption></figure>`;
    }
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>${style}</style></head>
<body>
${body.join('\n')}
</body></html>
`;
};
