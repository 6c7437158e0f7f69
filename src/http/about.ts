import { Type } from '@sinclair/typebox';
import { docsPage } from './docs-page.js';
import { describeApi, type Described } from './openapi.js';
import { route, type Route } from './route.js';
import { IndexReply } from './schemas.js';

/** What the service says about itself: an index, the API description and a page that shows it. */
export const aboutRoutes = (others: readonly Route[], about: Described): Route[] => {
  const openapi: Route = route({
    method: 'get',
    path: '/openapi.json',
    summary: 'The description of this API',
    answers: Type.Record(Type.String(), Type.Unknown()),
    refuses: [],
    handle: () => ({ json: description }),
  });
  const docs: Route = route({
    method: 'get',
    path: '/docs',
    summary: 'A page that shows this API',
    answers: 'text/html',
    refuses: [],
    handle: () => docsPage,
  });
  const index: Route = route({
    method: 'get',
    path: '/',
    summary: 'Which routes there are',
    answers: IndexReply,
    refuses: [],
    handle: () => ({ json: { service: 'watchnext', version: about.version, routes: listed } }),
  });
  const all: readonly Route[] = [...others, openapi, docs, index];
  const listed = all.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  const description = describeApi(all, about);
  return [openapi, docs, index];
};
