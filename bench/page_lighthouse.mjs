// Lighthouse on the page, as a desktop and as a phone on a slow network. Lighthouse lies in a folder of its own (argument 1): its
// dependencies do not agree with a lock file that names no addresses.
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {chromium} from '../tests/node_modules/playwright-core/index.mjs';
import {FakeHearth} from '../tests/e2e/browser/support/fake_hearth.js';

const {default: lighthouse} = await import(pathToFileURL(path.resolve(process.argv[2], 'node_modules/lighthouse/core/index.js')).href);
const desktop = {extends: 'lighthouse:default', settings: {formFactor: 'desktop', screenEmulation: {mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false},
  throttling: {rttMs: 40, throughputKbps: 10240, cpuSlowdownMultiplier: 1, requestLatencyMs: 0, downloadThroughputKbps: 0, uploadThroughputKbps: 0}}};
const port = 9333;
const goal = 0.95;
const hearth = new FakeHearth();
await hearth.listen();
const browser = await chromium.launch({executablePath: process.env.HEARTH_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', `--remote-debugging-port=${port}`]});
let isGood = true;
console.log('\n| Lighthouse | performance | accessibility | first contentful paint | layout shift |\n|---|---|---|---|---|');
for (const [name, config] of [['desktop', desktop], ['phone, slow 4G', undefined]]) {
  const {lhr} = await lighthouse(hearth.url, {port, output: 'json', logLevel: 'error', onlyCategories: ['performance', 'accessibility']}, config);
  const {performance, accessibility} = lhr.categories;
  isGood &&= performance.score >= goal && accessibility.score >= goal;
  console.log(`| ${name} | ${performance.score * 100} | ${accessibility.score * 100} | ${lhr.audits['first-contentful-paint'].displayValue} | ${lhr.audits['cumulative-layout-shift'].displayValue} |`);
}
await browser.close();
process.exit(isGood ? 0 : 1);
