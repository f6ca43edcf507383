// A hostile model, a hostile title: nothing runs, nothing loads, nothing leaves. In a real browser, under the page's policy.
import assert from 'node:assert/strict';
import test from 'node:test';
import {replies, send, until, useBrowser, visit} from './support/browser.js';
import {FakeHearth} from './support/fake_hearth.js';
import {traceOf} from './support/traces.js';

const browser = useBrowser();

const elements = [
  '<script>alert(1)</script>', '<script src=https://evil.test/x.js></script>', '<img src=x onerror=alert(1)>', '<img src="https://evil.test/p.png">',
  '<svg onload=alert(1)>', '<svg><script>alert(1)</script></svg>', '<svg><animate onbegin=alert(1) attributeName=x dur=1s>', '<iframe src=javascript:alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>">', '<object data=javascript:alert(1)>', '<embed src=javascript:alert(1)>', '<body onload=alert(1)>',
  '<details open ontoggle=alert(1)>', '<input autofocus onfocus=alert(1)>', '<video><source onerror=alert(1)>', '<audio src=x onerror=alert(1)>',
  '<marquee onstart=alert(1)>', '<style>@import "https://evil.test/x.css"</style>', '<link rel=stylesheet href=https://evil.test/x.css>',
  '<base href=https://evil.test/>', '<meta http-equiv=refresh content="0;url=https://evil.test">', '<form action=https://evil.test><button>x</button></form>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>', '<table background=https://evil.test/a.png>', '<a href=javascript:alert(1)>x</a>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">', '<template><img src=x onerror=alert(1)></template>', '<!--><img src=x onerror=alert(1)>',
  '<div style="background:url(https://evil.test/a.png)">x</div>', '<x onclick=alert(1)>x</x>', '<portal src=https://evil.test>', '<dialog open>fake</dialog>',
];
const links = ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'java\nscript:alert(1)', '&#106;avascript:alert(1)', 'data:text/html,<script>alert(1)</script>',
  'vbscript:alert(1)', 'file:///etc/passwd', 'blob:x', '//evil.test/x', '/api/v1/session', '#/c/0', 'ws://evil.test'];
const corpus = [
  ...elements,
  ...elements.map((html) => `# ${html}`), ...elements.map((html) => `- ${html}`), ...elements.map((html) => `|a|\n|-|\n|${html}|`),
  ...elements.map((html) => `\`\`\`html\n${html}\n\`\`\``), ...elements.map((html) => `> **${html}**`),
  ...links.map((url) => `[click](${url})`), ...links.map((url) => `![picture](${url})`), ...links.map((url) => `<${url}>`), ...links.map((url) => `[r]\n\n[r]: ${url}`),
  '![x](https://evil.test/pixel.png)', '![x](data:image/svg+xml,%3Csvg%20onload=alert(1)%3E)', '[![x](https://evil.test/p.png)](https://evil.test)',
  '```"><img/src=x/onerror=alert(1)>\nx\n```', '``` class="composer"\nx\n```', '[x](https://ok.test "\\" onmouseover=alert(1) \\"")',
];

test(`${corpus.length} hostile pieces of Markdown are words`, async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    reply.started();
    for (const piece of corpus) reply.write(`${piece}\n\nend\n\n`);
    reply.done();
  };
  const {page, context, assertClean} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await send(page, '<img src=x onerror=alert(1)>');
  await page.locator('.tools .meta').waitFor();
  const found = await replies(page).first().locator('.prose').evaluate((prose) => {
    const all = [...prose.querySelectorAll('*')];
    const ours = new Set(['FIGURE', 'FIGCAPTION', 'BUTTON', 'svg', 'use', 'DIV']);
    return {
      tags: [...new Set(all.map((element) => element.tagName))].filter((tag) => !ours.has(tag)).sort(),
      handlers: all.flatMap((element) => element.getAttributeNames()).filter((name) => /^on|^style$|^src|^action$|^background$/.test(name)),
      hrefs: [...new Set([...prose.querySelectorAll('a')].map((link) => new URL(link.href).protocol))],
      loose: [...prose.querySelectorAll('a')].filter((link) => link.rel !== 'noopener noreferrer' || link.target !== '_blank').length,
      classes: [...new Set(all.filter((element) => element.tagName === 'SPAN' || element.tagName === 'CODE').flatMap((element) => [...element.classList]))].filter((name) => !/^(hljs|language)-/.test(name)),
    };
  });
  assert.deepEqual(found.tags.filter((tag) => !/^(A|BLOCKQUOTE|CODE|EM|H[3-6]|HR|LI|OL|P|PRE|SPAN|STRONG|TABLE|TBODY|TD|TH|THEAD|TR|UL|BR)$/.test(tag)), []);
  assert.deepEqual(found.handlers, []);
  assert.deepEqual(found.hrefs, ['https:']);
  assert.equal(found.loose, 0);
  assert.deepEqual(found.classes, []);
  assert.equal(await page.locator('.turn[data-from="person"] .prose').textContent(), '<img src=x onerror=alert(1)>');
  assertClean();
});

const formulas = ['\\href{javascript:alert(1)}{x}', '\\url{javascript:alert(1)}', '\\includegraphics{https://evil.test/p.png}', '\\htmlClass{composer}{x}', '\\htmlId{message}{x}',
  '\\htmlStyle{position:fixed}{x}', '\\htmlData{x=1}{x}', '\\text{<img src=x onerror=alert(1)>}', '\\unicode{x3c}', '\\def\\x{\\x\\x}\\x', '\\rule{9999em}{9999em}', '\\color{url(https://evil.test)}x',
  '<script>alert(1)</script>', '\\verb|<img src=x onerror=alert(1)>|', '\\href{data:text/html,<script>alert(1)</script>}{x}'];

test(`${formulas.length} hostile formulas link nowhere, load nothing and run nothing`, async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    for (const formula of formulas) reply.write(`$${formula}$ and\n\n$$\n${formula}\n$$\n\n`);
    reply.write('A good one: $a^2$');
    reply.done();
  };
  const {page, context, assertClean} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await send(page, 'x');
  await page.locator('.prose .katex').first().waitFor();
  assert.deepEqual(await page.locator('.prose').last().evaluate((prose) => [prose.querySelectorAll('a, img, script, iframe, object').length,
    [...prose.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => /^on|^src|^id$/.test(name))]), [0, []]);
  assert.equal(await page.locator('.composer').count(), 1);
  assertClean();
});

test(`${corpus.length} hostile titles, and what the inspector and the search show, are words`, async (t) => {
  const hearth = await FakeHearth.start(t);
  const {page, context, assertClean} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.locator('.welcome').waitFor();
  await until(() => hearth.users.size === 1);   // the first view is there before the session
  const user = [...hearth.users.values()][0];
  for (const [i, title] of corpus.entries()) {
    const id = i.toString(16).padStart(32, '0');
    user.conversations.set(id, {id, title, revision: 0, head: null, created: 1, updated: Date.now() - i, system: '', params: {}, messages: [], pinned: false});
  }
  await page.reload();
  await page.locator('.rail li').nth(corpus.length - 1).waitFor();
  assert.deepEqual(await page.locator('.rail li a').evaluateAll((links) => [links.length, links.filter((link) => link.children.length > 0).length]), [corpus.length, 0]);
  hearth.find = () => corpus.slice(0, 30).map((text, i) => ({conversation: {id: i.toString(16).padStart(32, '0'), title: text, updated: 1}, message: '1'.repeat(32), role: 'user', created: 1, snippet: [{text}, {text, match: true}]}));
  await page.locator('.search input').fill('x');
  await page.locator('.rail mark').nth(29).waitFor();
  await page.getByRole('button', {name: 'End the search'}).click();

  hearth.answer = (reply) => { for (const piece of elements) reply.write(`${piece} `); reply.done(); };
  hearth.route = (path) => {
    const message = /inspect\/([0-9a-f]{32})$/.exec(path)?.[1];
    return message && traceOf(message, hearth.replies[0].text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? [], {});
  };
  await send(page, 'x');
  await page.locator('.tools [data-does="inspect"]').click();
  await page.locator('.stages').waitFor();
  assert.equal(await page.locator('.tokens li *, .stages code *').count(), 0);
  assertClean();
});

test('a name and a title with markup are only text', async (t) => {
  const hearth = await FakeHearth.start(t);
  hearth.joinCode = 'AAAA';
  hearth.answer = (reply) => reply.done();
  const {page, context, assertClean} = await visit(browser(), hearth.url);
  t.after(() => context.close());
  await page.getByLabel('Room code').fill('AAAA');
  await page.getByLabel('Your name').fill('<b onclick=alert(1)>x');
  await page.getByRole('button', {name: 'Join the room'}).click();
  await page.getByRole('heading', {name: 'Hello <b onclick=alert(1)>x. What shall we ask?'}).waitFor();
  await send(page, '"><svg onload=alert(1)>');
  await page.locator('.rail li a', {hasText: '"><svg onload=alert(1)>'}).waitFor();
  await until(() => hearth.replies.length === 1);
  assertClean();
});
