// Takes a picture of each state of the page, by day, by night and on a phone: node docs/pictures.mjs FOLDER [state …]
// A stand-in server says what is to be seen; the page is the built one (web/dist). Look at them before committing a change of the look.
import {mkdirSync} from 'node:fs';
import {chromium} from '../tests/node_modules/playwright-core/index.mjs';
import {FakeHearth} from '../tests/e2e/browser/support/fake_hearth.js';
import {ownData} from '../tests/e2e/browser/support/own_data.js';
import {australia, modelSheet, promptOf, tensorOf, traceOf} from '../tests/e2e/browser/support/traces.js';

const [folder = 'pictures', ...wanted] = process.argv.slice(2);
const views = {
  light: {viewport: {width: 1440, height: 900}, colorScheme: 'light'},
  dark: {viewport: {width: 1440, height: 900}, colorScheme: 'dark'},
  phone: {viewport: {width: 390, height: 844}, colorScheme: 'light', hasTouch: true, isMobile: true, deviceScaleFactor: 1},
};
const day = 86_400_000;
const id = (n) => n.toString(16).padStart(32, '0');
const model = {id: 'qwen3', name: 'Qwen3-0.6B', state: 'ready', context_length: 4096, max_tokens: 1024, decoder: 'cpu, bf16', thinks: true,
  defaults: {do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.9, min_p: 0, repetition_penalty: 1.05}};
const room = {type: 'room', people: 12, running: 3, queued: 0};

const sky = {
  question: 'Why is the sky blue? Give me one formula and a small table I can put on the board.',
  thought: 'The person wants the cause, one formula and a small table for a blackboard. Rayleigh scattering: intensity goes with the inverse fourth power of wavelength.',
  answer: 'Sunlight holds every visible colour. Air molecules are far smaller than the wavelength of light, so they scatter short waves much more than long ones. This is **Rayleigh scattering**, and it falls with the fourth power of the wavelength:\n\n'
    + '$$I \\propto \\frac{1}{\\lambda^4}, \\qquad \\frac{I_\\text{blue}}{I_\\text{red}} = \\left(\\frac{700}{450}\\right)^4 \\approx 5.86$$\n\n'
    + '| Colour | λ (nm) | Scattered, red = 1 |\n|---|---:|---:|\n| Violet | 400 | 9.38 |\n| Blue | 450 | 5.86 |\n| Green | 550 | 2.62 |\n| Red | 700 | 1.00 |\n\n'
    + 'Violet scatters most, but the Sun sends less of it and our eyes are less sensitive to it, so the sky looks blue.',
  next: '用中文再解释一次，再用 Python 算出蓝光和红光的比值。',
  live: '天空是蓝色的，是因为空气分子对短波长的光散射得更强。散射强度与波长的四次方成反比，所以蓝光（约 450 nm）比红光（约 700 nm）更容易被散射到各个方向：\n\n```python\nblue, red = 450e-9, 700e-9  # 波长，单位：米\nratio = (red / blue) ** 4\nprint(f"蓝光的散射是红光的 {ratio:.2f} 倍")\n```\n\n'
    + '运行结果约为 **5.86**。也就是说，同样强的蓝光和红光穿过大气时，蓝光被散射得多得多，于是从天空各处',
};
const outline = '1. **开头：**家乡在哪里，四季有什么样的颜色。一句话说出你最想念的声音。\n2. **一个地方：**选一条街、一座桥或一棵树。写清楚你站在那里能看到什么。\n3. **一个人：**写一位邻居或长辈做的一件小事。用他说过的一句话。\n4. **结尾：**今天的家乡和小时候有什么不同。回到开头的那个声音。';

/** How unsure each token is: mostly sure, some not, the same in each run. */
const doubt = (count, seed = 7) => Array.from({length: count}, (_, i) => { const x = Math.abs(Math.sin((i + seed) * 12.9898) * 43758.5453) % 1; return x > 0.86 ? -8 * (x - 0.8) * 5 : -0.4 * x; });

class Scene {
  constructor(hearth, page) {
    this.hearth = hearth;
    this.page = page;
  }

  get user() { return [...this.hearth.users.values()][0]; }

  /** A conversation that was there before. @param {string} title @param {number} age ms @param {[string, string][]} pairs */
  past(title, age, pairs = [['Hello', 'Hello.']]) {
    const updated = Date.now() - age;
    const conversation = {id: id(0xa000 + this.user.conversations.size), title, revision: 0, created: updated, updated, system: '', params: {}, messages: [], head: null};
    for (const [question, answer] of pairs) {
      const n = 0xb000 + 100 * this.user.conversations.size + conversation.messages.length;
      conversation.messages.push({id: id(n), parent: conversation.head, role: 'user', content: question, created: updated, status: 'done'});
      conversation.messages.push({id: id(n + 1), parent: id(n), role: 'assistant', content: answer, created: updated, status: 'done', to: 46, finish_reason: 'stop', seed: 1, params: {}, dropped: [],
        usage: {prompt_tokens: 60, completion_tokens: 46, cached_tokens: 0}, timings: {queue_ms: 2, prefill_ms: 40, decode_ms: 2080}});
      conversation.head = id(n + 1);
    }
    this.user.conversations.set(conversation.id, conversation);
    return conversation;
  }

  async open({name = 'Mei', settle = () => {}} = {}) {
    await this.page.goto(this.hearth.url);
    await this.page.locator('.app .composer').waitFor();
    this.user.name = name;
    settle();
    for (const [title, age] of [['Worksheet 4: the pendulum', 2 * 3600e3], ['介绍你自己', 3 * 3600e3], ['What is a token, really?', day + 3600e3], ['第三课词汇表', day + 2 * 3600e3],
      ['Off by one in my sort', day + 3 * 3600e3], ['Haiku about the school bus', 3 * day], ['Email to the museum', 4 * day], ['概率题：抽两个球', 5 * day]]) this.past(title, age);
    await this.page.reload();
    await this.page.locator('.app .composer').waitFor();
    await this.page.getByText(name).first().waitFor({state: 'attached'});
    this.hearth.tellAll(room);
  }

  async ask(text) {
    const count = this.hearth.replies.length;
    await this.page.locator('#message').fill(text);
    await this.page.locator('.send').click();
    while (this.hearth.replies.length === count) await new Promise((resolve) => setTimeout(resolve, 5));
    return this.hearth.replies.at(-1);
  }

  async answered(question, answer, {thought = '', doubts = true, reason = 'stop', more = {}} = {}) {
    const reply = await this.ask(question);
    reply.started();
    if (thought) reply.write(thought, {channel: 'reasoning'});
    const count = (answer.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? ['']).length;
    reply.write(answer, {lp: doubts ? doubt(count) : undefined});
    reply.done(reason, more);
    await this.page.locator('.turn:last-of-type .tools').waitFor();
    return reply;
  }

  /** The question that the inspector looks at. */
  async australia() {
    const {hearth, page} = this;
    hearth.route = (path) => {
      const [, message, part] = /^\/api\/v1\/inspect\/([0-9a-f]{32})(\/prompt)?$/.exec(path) ?? [];
      if (part) return promptOf(message);
      if (message) return traceOf(message, australia.texts, australia.shapes);
      return path === '/api/v1/model' ? {body: modelSheet} : path.includes('/tensors/') ? tensorOf('model.embed_tokens.weight') : undefined;
    };
    const reply = await this.ask('What is the capital of Australia? Answer in two sentences.');
    reply.started();
    const lp = traceOf('', australia.texts, australia.shapes).tokens.map((token) => token.lp);
    reply.say({type: 'delta', from: 0, to: australia.texts.length, text: australia.text, lp, bytes: australia.texts.map((text) => Buffer.byteLength(text))});
    reply.message.content = australia.text;
    reply.to = australia.texts.length;
    reply.done();
    await page.locator('.embers').waitFor();
  }
}

const isPhone = (page) => page.viewportSize().width < 720;
const tab = async (page, name, sign) => {
  await page.locator('.tabs').getByRole('link', {name}).click();
  await page.locator(`.inspector ${sign}`).first().waitFor();
};

/** @type {Record<string, (scene: Scene) => Promise<unknown>>} */
const states = {
  async empty(scene) { await scene.open(); },
  async index(scene) {
    await scene.open();
    await scene.answered(sky.question, sky.answer, {thought: sky.thought});
    const reply = await scene.ask(sky.next);
    reply.started(744);
    reply.write(sky.live);
    await scene.page.locator('.katex').first().waitFor();
    await scene.page.locator('.hljs-string, .code [class*="hljs"]').first().waitFor();
  },
  async search(scene) {
    await states.index(scene);
    scene.hearth.find = () => [
      {conversation: {id: id(1), title: 'Why the sky is blue', updated: Date.now()}, message: id(2), role: 'assistant', created: 1, snippet: [{text: '… they scatter '}, {text: 'short waves', match: true}, {text: ' much more than long ones.'}]},
      {conversation: {id: id(3), title: 'Worksheet 4: the pendulum', updated: Date.now()}, message: id(4), role: 'user', created: 1, snippet: [{text: 'For '}, {text: 'short waves', match: true}, {text: ' of the string …'}]}];
    if (isPhone(scene.page)) await scene.page.locator('.topbar [data-for="rail"]').click();
    await scene.page.locator('.search input').fill('short waves');
    await scene.page.locator('.rail mark').first().waitFor();
  },
  async queue(scene) {
    await scene.open();
    await scene.answered('帮我写一个作文提纲，题目是《我的家乡》，分四段，每段两句提示。', outline);
    const reply = await scene.ask('第三段换成写外婆做的桂花糕，再给两个开头句让我选。');
    reply.queued(3, 4, {eta_ms: 40_000, ahead_tokens: 1240});
    scene.hearth.tellAll({type: 'room', people: 12, running: 2, queued: 4});
    await scene.page.locator('.queue').waitFor();
  },
  async context(scene) {
    const {hearth} = scene;
    await scene.open();
    await scene.answered('What is a simple pendulum, and why does its period not depend on the mass?', 'A mass on a string that is small beside its length. Mass cancels: it is in the force and in the inertia.');
    await scene.answered('Derive the period for small angles.', 'For a small angle the restoring force is almost proportional to the displacement, because $\\sin\\theta \\approx \\theta$. That gives simple harmonic motion with\n\n$$T = 2\\pi\\sqrt{\\frac{L}{g}}$$');
    await scene.answered('How long is a pendulum that ticks once a second?', 'One tick per second means a period of 2 s, so $L = g\\,(T/2\\pi)^2$ gives about **0.99 m**.');
    const [one, two] = hearth.replies;
    hearth.measure = () => ({fits: true, prompt_tokens: 2888, content_tokens: 2195, system_tokens: 38, context_length: 4096, max_tokens: 1024,
      dropped: [one.message.parent, one.stream, two.message.parent, two.stream], dropped_tokens: 1187, costs: [{message: one.message.parent, tokens: 486}, {message: two.message.parent, tokens: 701}]});
    await scene.page.locator('#message').fill('Here is the whole lab report. Check every step of the error analysis and list the mistakes:\n1. We measured the length five times: 0.982 m, 0.985 m, 0.981 m,');
    await scene.page.locator('.forget').waitFor();
    await scene.page.locator('.meter button').first().click();
    await scene.page.locator('.popover').waitFor();
  },
  async inspector(scene) {
    await scene.open();
    await scene.australia();
    await scene.page.locator('.tools [data-does="inspect"]').click();
    await scene.page.locator('.stages').waitFor();
    await scene.page.locator('.inspector .tokens [role="option"]').nth(5).click();
    await scene.page.locator('.stages', {hasText: 'Sydney'}).waitFor();
  },
  async 'inspector-what-if'(scene) {
    await states.inspector(scene);
    await scene.page.locator('.inspector').getByText('What if').first().click().catch(() => {});
    const range = scene.page.locator('.what-if input[type="range"], .inspector input[type="range"]').first();
    await range.scrollIntoViewIfNeeded();
    await range.fill('0.1');
  },
  async 'inspector-prompt'(scene) {
    await states.inspector(scene);
    await tab(scene.page, 'Prompt', '.prompt');
  },
  async 'inspector-step'(scene) {
    await states.inspector(scene);
    await tab(scene.page, 'Step by step', '.bars');
  },
  async 'inspector-model'(scene) {
    await states.inspector(scene);
    await tab(scene.page, 'Model', '.tree');
    await scene.page.locator('.tree .leaf').first().click();
    await scene.page.locator('.values rect').first().waitFor();
  },
  async settings(scene) {
    await scene.open();
    await scene.australia();
    await scene.page.locator('.tools [data-does="inspect"]').click();
    await scene.page.locator('.stages').waitFor();
    await scene.page.keyboard.press('Escape');
    await scene.page.locator('.inspector').waitFor({state: 'detached'});
    await scene.page.locator('.topbar [data-for="settings"]').click();
    await scene.page.locator('.sheet[open]').waitFor();
  },
  async data(scene) {
    ownData(scene.hearth);
    await scene.open();
    await scene.page.locator('.topbar [data-for="settings"]').click();
    await scene.page.getByRole('button', {name: 'Make a phrase'}).click();
    await scene.page.locator('.phrase').waitFor();
    await scene.page.getByRole('heading', {name: 'Your data'}).evaluate((heading) => heading.scrollIntoView());
  },
  async thinking(scene) {
    await scene.open();
    const reply = await scene.ask(sky.question);
    reply.started();
    reply.write(sky.thought, {channel: 'reasoning'});
    await scene.page.getByRole('button', {name: 'Answer now'}).waitFor();
  },
  async loading(scene) {
    const {hearth, page} = scene;
    hearth.model = {id: 'qwen3', name: 'Qwen3-0.6B', state: 'loading'};
    await page.goto(hearth.url);
    await page.locator('.load').waitFor();
    hearth.tellAll({type: 'model', model: 'qwen3', state: 'loading', stage: 'weights', percent: 62, eta_ms: 9000, stages: [
      {stage: 'config', ms: 98}, {stage: 'tokenizer', ms: 812, tokens: 151669},
      {stage: 'weights', bytes: 739e6, bytes_all: 1192e6, tensor: 'model.layers.17.mlp.gate_proj', dtype: 'bf16'}]});
    await page.locator('.load data', {hasText: '62'}).waitFor();
  },
  async join(scene) {
    scene.hearth.joinCode = 'K7MX4QRT';
    await scene.page.goto(`${scene.hearth.url}/#code=K7MX-4QRT`);
    await scene.page.getByLabel('Room code').waitFor();
  },
  async offline(scene) {
    await scene.open();
    await scene.answered('What is the boiling point of water on Everest?', 'About 71 °C at the summit, because the air pressure there is only a third of that at sea level.');
    await scene.hearth.goAway();
    await scene.page.locator('#message').fill('And in Lhasa?');
    await scene.page.locator('.send').click();
    await scene.page.locator('.banner').waitFor();
  },
  async errors(scene) {
    await scene.open();
    await scene.answered('Name ten elements.', 'Hydrogen, helium, lithium, beryllium, boron, carbon, nitrogen,', {reason: 'length'});
    await scene.answered('Write a long story.', 'Once upon a time there was a lighthouse keeper who', {reason: 'interrupted'});
    await scene.answered('Another one.', 'The keeper', {reason: 'failed', more: {error: {code: 'out_of_memory', status: 500}}});
    scene.hearth.refuse = () => ({code: 'busy', status: 429, title: 'Busy', detail: 'Too many replies wait.'});
    await scene.page.locator('#message').fill('One more');
    await scene.page.locator('.send').click();
    await scene.page.getByRole('heading', {name: 'The room is full right now.'}).waitFor();
  },
};

mkdirSync(folder, {recursive: true});
const browser = await chromium.launch({executablePath: process.env.HEARTH_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars']});
for (const [name, show] of Object.entries(states)) {
  if (wanted.length && !wanted.includes(name)) continue;
  for (const [view, options] of Object.entries(views)) {
    const hearth = new FakeHearth();
    hearth.model = model;
    await hearth.listen();
    const context = await browser.newContext({locale: 'en-GB', reducedMotion: 'reduce', ...options});
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    const scene = new Scene(hearth, page);
    await show(scene);
    await page.waitForTimeout(400);
    await page.screenshot({path: `${folder}/${name}-${view}.png`});
    await context.close();
    await hearth.stop();
  }
}
await browser.close();
process.exit(0);
