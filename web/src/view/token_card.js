import { h, icon, iconButton, s, set, setChildren, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { bitsOf, heatOf, visible } from '../state/surprise.js';
import { shownCandidates, shownStages } from '../state/trace.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../wire.js').Candidate} Candidate */
/** @typedef {import('../wire.js').TracedToken} TracedToken */
/** @typedef {import('../wire.js').TracePage} TracePage */
/** @typedef {{selected: number, of: number, shown: {text: string, lp: number} | undefined, token: TracedToken | undefined, sheet: TracePage | undefined}} Selected */

const rowsShown = 8;

/** A percentage as the table has it. @param {number} p */
const inTable = (p) => (p === 0 ? '0' : p < 0.0005 ? '<0.1' : (p * 100).toFixed(1));

/** @param {{text: string, hex?: string}} candidate */
export const textOfCandidate = ({ text, hex }) => (hex ? `‹${hex}›` : visible(text) || '·');

/** What was set at each stage, for the head of its column. @param {TracePage} sheet @param {string} stage */
const valueAt = ({ sampling }, stage) => {
  const values = /** @type {Record<string, number | undefined>} */ ({ temperature: sampling.temperature, top_k: sampling.top_k, top_p: sampling.top_p, min_p: sampling.min_p });
  return values[stage];
};

/** One token: what happened in a sentence, the candidates stage by stage, and the way to another text from here. @param {Context} context */
export function makeTokenCard({ words, dispatch, read }) {
  const name = h('code');
  const happened = h('strong');
  const place = h('span');
  const move = (/** @type {number} */ by) => dispatch({ type: 'token_selected', token: Math.max(0, read().inspector.token + by) });
  const previous = iconButton('left', words.previousToken, () => move(-1));
  const next = iconButton('right', words.nextToken, () => move(1));
  const header = h('header', {}, name, h('p', {}, happened, place), h('nav', {}, previous, next));
  const thead = h('thead');
  const tbody = h('tbody');
  const scroll = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': words.candidates }, h('table', { class: 'stages' }, thead, tbody));
  const facts = h('dl', { class: 'kv' });
  const branchText = h('span');
  const branch = h('button', { class: 'button', 'data-kind': 'main', 'data-size': 'small', type: 'button', 'data-does': 'branch', onclick: () => branchNow() }, icon('branch'), branchText);
  const again = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => drawAgain() }, icon('again'), words.drawAgain);
  const footer = h('footer', {}, branch, again);
  const element = h('section', { class: 'token-card' }, header);
  /** @type {Candidate[]} */
  let rows = [];
  /** @type {Message | undefined} */
  let message;
  /** @type {TracedToken | undefined} */
  let token;
  let chosen = -1;

  /** Settings of the reply, so that only the token differs. @returns {import('../wire.js').Params} */
  const ownParams = () => {
    const { seed: _, ...params } = message?.reply?.written.params ?? {};
    return params;
  };
  const branchNow = () => {
    if (!message || !token || !rows[chosen]) return;
    const { seed } = message.reply?.written ?? {};
    dispatch({ type: 'branch_asked', id: randomId(), branch: { message: message.id, at: token.index, token: rows[chosen].id }, seed, params: ownParams() });
  };
  const drawAgain = () => {
    if (message && token) dispatch({ type: 'branch_asked', id: randomId(), branch: { message: message.id, at: token.index }, params: ownParams() });
  };
  const choose = (/** @type {number} */ row) => dispatch({ type: 'candidate_selected', candidate: Math.min(rows.length - 1, Math.max(0, row)) });
  scroll.addEventListener('click', (event) => {
    const row = event.target instanceof Element ? event.target.closest('tbody tr') : null;
    if (row) choose([...tbody.rows].indexOf(/** @type {HTMLTableRowElement} */ (row)));
  });
  scroll.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    choose(chosen + (event.key === 'ArrowDown' ? 1 : -1));
  });

  /** @param {TracePage} sheet @param {number[]} stages indices of the columns */
  const drawHead = (sheet, stages) => {
    const names = /** @type {Record<string, string>} */ (words.stageNames);
    thead.replaceChildren(h('tr', {}, h('th', { scope: 'col' }, words.candidate),
      ...stages.map((i) => {
        const stage = sheet.stages[i];
        const value = valueAt(sheet, stage);
        return h('th', { scope: 'col', 'data-only': stage === 'top_k' && 'roomy' }, names[stage] ?? stage, value !== undefined && h('small', {}, value));
      }), h('th', { scope: 'col' }, words.chance)));
  };

  /** @param {TracePage} sheet @param {number[]} stages @param {Candidate} candidate @param {number} at */
  const drawRow = (sheet, stages, candidate, at) => {
    const isOwn = candidate.id === token?.id;
    const { p } = candidate;
    const chance = sheet.sampling.do_sample ? p[p.length - 1] : isFirst(candidate) ? 1 : 0;
    let isCut = false;
    const cells = stages.map((i) => {
      const only = { 'data-only': sheet.stages[i] === 'top_k' && 'roomy' };
      if (isCut) return h('td', only);
      isCut = p[i] === 0;
      return isCut ? h('td', { ...only, 'data-cut': true }, h('span', { class: 'unseen' }, words.cut)) : h('td', only, inTable(p[i]));
    });
    const bar = s('svg', { 'aria-hidden': 'true', height: 10 }, s('rect', { width: `${chance * 100}%`, height: '100%', rx: 1 }));
    return h('tr', { 'data-own': isOwn, 'data-chosen': at === chosen, 'aria-selected': isOwn && 'true', 'data-state': isCut && 'cut' },
      h('th', { scope: 'row' }, h('code', {}, textOfCandidate(candidate))), ...cells, h('td', {}, ...(chance > 0 ? [bar, inTable(chance)] : ['0'])));
  };
  const isFirst = (/** @type {Candidate} */ candidate) => (token?.candidates ?? [])[0]?.id === candidate.id;

  /** @param {{text: string, lp: number}} shown @param {TracePage | undefined} sheet */
  const sentence = (shown, sheet) => {
    if (!token || !sheet) return words.atProbability(Math.exp(shown.lp));
    const own = token.candidates?.find(({ id }) => id === token?.id);
    const isDrawn = sheet.sampling.do_sample && own !== undefined;
    return isDrawn ? words.choiceDrawn(token.rank, own.p[own.p.length - 1]) : words.choiceTaken(token.rank, Math.exp(token.lp));
  };

  /** @param {TracePage | undefined} sheet @returns {[string, string][]} */
  const factsOf = (sheet) => {
    if (!token) return [];
    const bytes = token.hex ?? [...new TextEncoder().encode(token.text)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const own = token.candidates?.find(({ id }) => id === token?.id);
    /** @type {[string, string | false | undefined][]} */
    const all = [[words.factId, String(token.id)], [words.factBytes, bytes], [words.factLogit, own && own.logit.toFixed(2)],
      [words.factRandom, sheet?.sampling.do_sample && token.u.toFixed(4)], [words.factEntropy, token.entropy !== undefined && words.bits(token.entropy / Math.LN2)]];
    return /** @type {[string, string][]} */ (all.filter(([, value]) => value));
  };

  return {
    element,
    /** @param {State} state @param {Message} owner @param {Selected} selected */
    update(state, owner, { selected, of, shown, token: now, sheet }) {
      message = owner;
      token = now;
      rows = now?.candidates ? shownCandidates(now, rowsShown) : [];
      const { candidate } = state.inspector;
      // Without a choice the main button offers the likeliest token that was not written.
      chosen = rows[candidate] ? candidate : rows.findIndex(({ id }) => id !== now?.id);
      const lp = shown?.lp ?? 0;
      setText(name, shown ? visible(shown.text) || '·' : '');
      set(name, 'data-heat', heatOf(bitsOf(lp)));
      set(element, 'aria-label', words.tokenPlace(selected + 1, of));
      setText(happened, shown ? sentence(shown, sheet) : '');
      setText(place, words.tokenFacts(selected + 1, of, bitsOf(lp)));
      previous.disabled = selected <= 0;
      next.disabled = selected >= of - 1;
      if (rows.length && sheet) {
        const stages = shownStages(sheet.stages, rows);
        drawHead(sheet, stages);
        tbody.replaceChildren(...rows.map((row, at) => drawRow(sheet, stages, row, at)));
        setText(branchText, rows[chosen] ? words.branchWith(textOfCandidate(rows[chosen])) : '');
        branch.disabled = again.disabled = state.outbox.some((item) => item.conversation === state.current) || owner.reply?.phase !== 'done';
        branch.hidden = !rows[chosen];
      }
      facts.replaceChildren(...factsOf(sheet).flatMap(([fact, value]) => [h('dt', {}, fact), h('dd', {}, value)]));
      setChildren(element, [header, ...(rows.length ? [scroll] : []), ...(rows.length ? [footer] : []), ...(now ? [facts] : [])]);
    },
  };
}
