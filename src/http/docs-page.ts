import { createHash } from 'node:crypto';
import type { Reply } from './route.js';

/** The page at /docs: reads /openapi.json and lets people try each route. Needs nothing from elsewhere. */
const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8884; border-radius: .5rem; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; }
.method { display: inline-block; width: 4rem; font-weight: 700; text-transform: uppercase; }
code, pre, textarea, input { font: 14px/1.4 ui-monospace, monospace; }
textarea { width: 100%; min-height: 9rem; box-sizing: border-box; }
pre { overflow: auto; background: #8881; padding: .75rem; border-radius: .5rem; max-height: 28rem; }
label { display: block; margin: .5rem 0; }
`;

const script = `
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const pretty = (value) => JSON.stringify(value, null, 2);
const show = (path, method, operation) => {
  const answer = make('pre', { hidden: true });
  const inputs = (operation.parameters ?? []).filter(({ in: place }) => place === 'path').map(({ name }) => {
    const input = make('input', { name, required: true });
    return { name, input, label: make('label', {}, name + ' ', input) };
  });
  const key = operation.security ? make('input', { type: 'password', autocomplete: 'off' }) : undefined;
  const schema = operation.requestBody?.content['application/json'].schema;
  const body = schema ? make('textarea', { value: pretty(schema.examples?.[0] ?? {}), spellcheck: false }) : undefined;
  const form = make('form', {}, ...inputs.map(({ label }) => label));
  if (key) form.append(make('label', {}, 'admin key ', key));
  if (body) form.append(body);
  form.append(make('button', {}, 'Try it'), answer);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const url = inputs.reduce((text, { name, input }) => text.replace('{' + name + '}', encodeURIComponent(input.value)), path);
    const headers = { ...(body && { 'Content-Type': 'application/json' }), ...(key?.value && { Authorization: 'Bearer ' + key.value }) };
    answer.hidden = false;
    try {
      const response = await fetch(url, { method: method.toUpperCase(), headers, body: body?.value });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      answer.textContent = response.status + ' ' + response.statusText + '\\n' + (isJson ? pretty(JSON.parse(text)) : text);
    } catch (error) {
      answer.textContent = String(error);
    }
  };
  const details = make('details', {},
    make('summary', {}, make('span', { className: 'method' }, method), make('code', {}, path), ' ' + operation.summary));
  if (operation.description) details.append(make('p', {}, operation.description));
  details.append(form);
  if (schema) details.append(make('details', {}, make('summary', {}, 'Schema of the body'), make('pre', {}, pretty(schema))));
  return details;
};
const api = await (await fetch('/openapi.json')).json();
document.querySelector('h1').textContent = api.info.title + ' ' + api.info.version;
for (const [path, methods] of Object.entries(api.paths))
  for (const [method, operation] of Object.entries(methods)) document.body.append(show(path, method, operation));
`;

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>watchnext API</title>
<style>${style}</style>
<h1>watchnext</h1>
<p>The same as <a href="/openapi.json">/openapi.json</a>, to read and to try.</p>
<script type="module">${script}</script>
</html>
`;

const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

export const docsPage: Reply = {
  text: html,
  type: 'text/html; charset=utf-8',
  headers: {
    'Content-Security-Policy': `default-src 'none'; connect-src 'self'; script-src ${hash(script)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  },
};
