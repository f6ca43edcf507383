// The page in the other two engines: Debian's Firefox and WebKit. A smoke test: open, write, read, formulas, colours, the inspector.
import assert from 'node:assert/strict';
import {existsSync} from 'node:fs';
import test from 'node:test';
import {startFirefox} from './support/bidi.js';
import {FakeHearth} from './support/fake_hearth.js';
import {startWebKit} from './support/webdriver.js';

const first = (...files) => files.find(existsSync);
const firefox = first('/usr/bin/firefox-esr', '/usr/bin/firefox');
const webkit = {
  driver: first('/usr/bin/WebKitWebDriver'),
  browser: first(...['4.1', '4.0', '6.0'].map((version) => `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/${version === '6.0' ? 'webkitgtk-6.0' : `webkit2gtk-${version}`}/MiniBrowser`)),
  xvfb: first('/usr/bin/Xvfb'),
};

/** Waits in the page until an expression holds, and returns it. */
const until = (engine, expression) => engine.evaluate(`new Promise((resolve, reject) => { const start = Date.now(); const look = () => { const value = (${expression}); if (value) resolve(value);
  else if (Date.now() - start > 60000) reject(new Error(${JSON.stringify(`still not: ${expression}`)})); else setTimeout(look, 25); }; look(); })`);

const smoke = async (t, engine) => {
  const hearth = await FakeHearth.start(t);
  hearth.answer = (reply) => {
    reply.started();
    reply.write('Some **bold** words, $a^2$ and\n\n```js\nlet x = 1;\n```\n\n', {lp: undefined});
    reply.write('the end.');
    reply.done();
  };
  await engine.open(hearth.url);
  await until(engine, `document.querySelector('.welcome') !== null`);
  await engine.evaluate(`document.querySelector('#message').focus()`);
  await engine.press('Hello');
  await until(engine, `document.querySelector('#message').value === 'Hello'`);
  const height = () => engine.evaluate(`document.querySelector('#message').offsetHeight`);
  const one = await height();
  await engine.evaluate(`(() => { const area = document.querySelector('#message'); area.value = 'Hello\\n2\\n3\\n4'; area.dispatchEvent(new Event('input', {bubbles: true})); })()`);
  await until(engine, `document.querySelector('#message').offsetHeight > ${one} * 2`);
  await engine.evaluate(`(() => { const area = document.querySelector('#message'); area.value = 'Hello'; area.dispatchEvent(new Event('input', {bubbles: true})); })()`);
  await until(engine, `document.querySelector('#message').offsetHeight === ${one}`);
  await engine.press('\uE007');
  await until(engine, `document.querySelector('.tools .meta') !== null`);
  assert.equal(hearth.replies[0].request.content, 'Hello');
  await until(engine, `document.querySelector('.prose .katex') !== null && document.querySelector('.hljs-number') !== null`);
  assert.equal(await engine.evaluate(`document.querySelector('.prose strong').textContent`), 'bold');
  const [canvas, text, shadow] = await engine.evaluate(`[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color, getComputedStyle(document.querySelector('.composer')).boxShadow]`);
  assert.deepEqual([canvas, text], ['rgb(247, 250, 250)', 'rgb(19, 31, 35)'], 'the colours of the day');
  assert.notEqual(shadow, 'none');
  await engine.evaluate(`document.querySelector('.embers').click()`);
  await until(engine, `document.querySelectorAll('.inspector .tokens li').length > 5`);
  assert.ok(await engine.evaluate(`document.documentElement.scrollWidth <= innerWidth`));
};

test('Firefox: open, write, read, inspect', {skip: firefox ? false : 'firefox-esr is not installed'}, async (t) => smoke(t, await startFirefox(t, /** @type {string} */ (firefox))));

const hasWebKit = webkit.driver && webkit.browser && webkit.xvfb;
test('WebKit: open, write, read, inspect', {skip: hasWebKit ? false : 'webkit2gtk-driver and xvfb are not installed'}, async (t) =>
  smoke(t, await startWebKit(t, /** @type {{driver: string, browser: string, xvfb: string}} */ (webkit))));
