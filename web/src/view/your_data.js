// What is yours: out as a file, in from files, back with a phrase, away from this browser, or gone for good.
import { h, icon, setChildren, setText } from '../base/dom.js';
import { offers } from '../state/select.js';
import { errorInWords } from '../words.js';
import { chooseFiles } from './files.js';
import { makePhraseEntry } from './phrase_entry.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Data} Data */

/** @param {'outline' | 'main' | 'bad' | 'plain'} kind @param {string | undefined} sign @param {string} text @param {() => void} onclick */
const button = (kind, sign, text, onclick) => h('button', { class: 'button', 'data-kind': kind, type: 'button', onclick }, sign && icon(sign), text);

/** @param {string} title @param {string} what @param {...(Node | false)} rest */
const part = (title, what, ...rest) => h('div', { class: 'own' }, h('h4', {}, title), h('p', {}, what), ...rest);

/** @param {Context} context */
function makeFiles({ words, dispatch }) {
  const out = button('outline', 'down2', words.exportAll, () => dispatch({ type: 'everything_exported' }));
  const bring = button('outline', 'up2', words.importFiles, () => chooseFiles('.json,application/json', (files) => dispatch({ type: 'files_imported', files })));
  const report = h('div', { class: 'report', role: 'status' });
  const element = h('div', { class: 'own' }, h('p', {}, words.exportAllWhat), h('div', { class: 'row' }, out), h('p', {}, words.importWhat), h('div', { class: 'row' }, bring), report);
  let drawn = /** @type {unknown} */ (undefined);

  /** @param {Data['import']} transfer @returns {Node[]} */
  const draw = ({ phase, at, of, report: { imported, extended, known, leftOut, refused, problem } }) => {
    if (phase === 'none') return [];
    const problems = { unread: words.importUnread, tooLarge: words.importTooLarge, nothing: words.importNothing, busy: words.importBusy, lost: words.importLost };
    const sentences = [
      imported > 0 && words.importTook(imported), extended > 0 && words.importGrew(extended), known > 0 && words.importKnew(known),
      leftOut > 0 && words.importLeftOut(leftOut), refused.length > 0 && words.importRefused(refused.length), problem && problems[problem],
    ].filter((each) => each !== false && each !== undefined);
    return [
      ...(phase === 'sending' ? [h('p', {}, words.importing(at, of))] : []),
      ...(sentences.length ? [h('p', {}, sentences.join(' '))] : []),
      ...(refused.length ? [h('ul', {}, ...refused.map(({ title, error }) => h('li', {}, h('strong', {}, title || words.untitled), ': ', error.detail ?? errorInWords(words, error) ?? error.code)))] : []),
    ];
  };

  return {
    element,
    /** @param {State} state */
    update({ data }) {
      bring.disabled = data.import.phase === 'sending';
      if (data.import === drawn) return;
      drawn = data.import;
      report.replaceChildren(...draw(data.import));
    },
  };
}

/** @param {Context} context */
function makePhrase({ words, dispatch, copy }) {
  const make = button('outline', undefined, words.makePhrase, () => dispatch({ type: 'phrase_wanted' }));
  const phrase = h('output', { class: 'phrase', translate: 'no' });
  const copyButton = button('outline', 'copy', words.phraseCopy, () => copy(phrase.textContent ?? '', copyButton));
  const shown = h('div', { class: 'note', 'data-kind': 'care', role: 'status' }, h('p', {}, words.phraseOnce), phrase,
    h('div', { class: 'row' }, copyButton, button('main', undefined, words.phraseKept, () => dispatch({ type: 'phrase_kept' }))));
  const what = h('p', {}, words.phraseWhat);
  const already = h('p', {}, words.phraseIsSet);
  const failed = h('p', { role: 'alert' }, words.phraseFailed);
  const title = h('h4', {}, words.phraseTitle);
  const row = h('div', { class: 'row' }, make);
  const element = h('div', { class: 'own' });
  return {
    element,
    /** @param {State} state */
    update({ data: { phrase: made, account } }) {
      setText(make, account?.recovery ? words.makePhraseAgain : words.makePhrase);
      make.disabled = made.phase === 'asking';
      setText(phrase, made.words);
      const isShown = made.phase === 'shown';
      setChildren(element, [title, what, ...(account?.recovery && !isShown ? [already] : []), ...(made.phase === 'failed' ? [failed] : []), isShown ? shown : row]);
    },
  };
}

/** What cannot be undone is asked for twice, in place. @param {Context} context @param {'leave' | 'erase'} kind */
function makeEnd({ words, dispatch }, kind) {
  const isErase = kind === 'erase';
  const first = button(isErase ? 'bad' : 'outline', isErase ? 'trash' : undefined, isErase ? words.erase : words.leave, () => dispatch({ type: 'end_asked', kind }));
  const sure = button('bad', isErase ? 'trash' : undefined, isErase ? words.eraseSure : words.leaveSure, () => dispatch({ type: 'end_confirmed', kind }));
  const keep = button('outline', undefined, words.keepIt, () => dispatch({ type: 'end_asked', kind: 'none' }));
  const warning = h('p');
  const failed = h('p', { role: 'alert' }, words.goneFailed);
  const question = h('div', { class: 'note', 'data-kind': 'care', role: 'group' });
  const buttons = h('div', { class: 'row' }, sure, keep);
  const row = h('div', { class: 'row' }, first);
  const element = part(isErase ? words.eraseTitle : words.leaveTitle, isErase ? words.eraseWhat : words.leaveWhat, row);
  return {
    element,
    /** @param {State} state */
    update({ data: { end, account } }) {
      const isAsked = end.kind === kind;
      const text = isErase ? words.eraseWarning : account?.recovery ? '' : words.leaveNoPhrase;
      setText(warning, text);
      sure.disabled = end.phase === 'sending';
      setChildren(question, [...(text ? [warning] : []), ...(end.phase === 'failed' ? [failed] : []), buttons]);
      const wasAsked = question.isConnected;
      setChildren(element, [...[...element.children].slice(0, 2), isAsked ? question : row]);
      if (isAsked && !wasAsked) keep.focus();
      else if (!isAsked && wasAsked) first.focus();
    },
  };
}

/** @param {Context} context */
export function makeYourData(context) {
  const { words, dispatch } = context;
  const kept = h('p', { class: 'fine' });
  const files = makeFiles(context);
  const phrase = makePhrase(context);
  const entry = makePhraseEntry(context, true);
  const leave = makeEnd(context, 'leave');
  const erase = makeEnd(context, 'erase');
  const deleteAll = button('bad', 'trash', words.deleteAll, () => dispatch({ type: 'history_cleared' }));
  const clear = h('div', { class: 'row' }, deleteAll);
  const heading = h('h3', {}, words.yourData);
  const element = h('section', {});
  return {
    element,
    /** @param {State} state */
    update(state) {
      const { account } = state.data;
      if (account) setText(kept, account.conversations ? words.dataHere(account.conversations, account.bytes, account.quota_bytes) : words.dataHereNone);
      deleteAll.disabled = state.conversations.list.length === 0;
      const hasAccount = account !== undefined && offers(state, 'account');
      for (const each of [files, phrase, entry, leave, erase]) each.update(state);
      setChildren(element, [heading, ...(hasAccount ? [kept] : []), ...(offers(state, 'export') ? [files.element] : []), clear,
        ...(hasAccount ? [phrase.element, entry.element, leave.element, erase.element] : [])]);
    },
  };
}
