import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { bytesOf, chatOf, currentTree, isModelReady, liveHere, pathOf, samplingOf, waitingHere } from '../state/select.js';
import { asBlock, chooseFiles, textOf } from './files.js';
import { makeMeter, warningOf } from './meter.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** Where the person writes. Enter sends, except while an input method composes, and except with a finger: there it is a new line. @param {Context} context */
export function makeComposer(context) {
  const { words, dispatch, read } = context;
  const area = h('textarea', { id: 'message', dir: 'auto', rows: 1, enterkeyhint: 'send', autocomplete: 'off' });
  const sendButton = h('button', { class: 'send', type: 'submit' });
  const sendIcon = icon('send');
  const stopIcon = icon('stop');
  const chip = h('button', { class: 'chip', 'data-kind': 'quiet', type: 'button', title: words.instructionsChip, onclick: () => dispatch({ type: 'settings_opened' }) });
  const chipName = h('span');
  const chipValue = h('data');
  chip.append(icon('sliders'), chipName, chipValue);
  const meter = makeMeter(context);
  const attach = iconButton('paste', words.attach, () => chooseFiles('text/*,.md,.csv,.json,.py,.js,.c,.cpp,.h,.java,.rs,.go,.tex,.yaml,.yml,.toml,.log', (files) => void insert(files)));
  const notes = h('div', { class: 'notes' });
  const form = h('form', { class: 'composer', 'aria-label': words.yourMessage },
    notes, h('label', { class: 'unseen', for: 'message' }, words.yourMessage), area, h('footer', {}, attach, chip, meter.element, sendButton));
  const hint = h('p', { class: 'fine', 'data-only': 'keys' }, words.keysHint);

  const earlyNote = h('p', { class: 'note' }, icon('clock'), h('span', {}, words.writeEarly));
  const editNote = h('p', { class: 'note' }, icon('edit'), h('span', {}, words.editing),
    h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button', onclick: () => dispatch({ type: 'edit_left' }) }, words.cancelEdit));
  const dropText = h('span');
  const dropNote = h('p', { class: 'note', 'data-kind': 'care', role: 'status' }, icon('warn'), dropText);
  const longNote = h('p', { class: 'note', 'data-kind': 'care', role: 'alert' });

  // The field grows with its text; where the browser does not do it by itself, its rows are counted. The style sheet holds the end.
  let grown = '';
  const growsByItself = CSS.supports('field-sizing', 'content');
  const grow = () => {
    if (growsByItself) return;
    area.rows = 1;
    const { lineHeight, paddingBlockStart, paddingBlockEnd } = getComputedStyle(area);
    const inside = area.scrollHeight - Number.parseFloat(paddingBlockStart) - Number.parseFloat(paddingBlockEnd);
    area.rows = Math.max(1, Math.round(inside / Number.parseFloat(lineHeight)));
  };

  const isTooLong = (/** @type {State} */ state) => bytesOf(area.value) > state.server.limits.content_bytes;

  /** Files go where the text stands. @param {readonly File[]} files */
  const insert = async (files) => {
    const { current, server } = read();
    for (const file of files) {
      const text = await textOf(file, server.limits.content_bytes);
      if (text === undefined) {
        dispatch({ type: 'toast_shown', toast: { kind: 'file_refused' } });
        continue;
      }
      const before = read().drafts[current] ?? '';
      dispatch({ type: 'draft_changed', conversation: current, text: before + (before && !before.endsWith('\n') ? '\n\n' : '') + asBlock(file.name, text) });
    }
    area.focus();
  };
  // Wherever on the page files are dropped: a browser left alone would open them in its place.
  const dragged = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    set(form, 'data-drop', event.type === 'dragover' && words.dropHere);
    if (event.type === 'drop') void insert([...event.dataTransfer.files]);
  };

  const submit = () => {
    const state = read();
    const live = liveHere(state);
    if (live) {
      dispatch({ type: 'stop_pressed', stream: live.id });
    } else if (area.value.trim() && !isTooLong(state)) {
      dispatch({ type: 'message_sent', id: randomId(), content: area.value, at: Date.now() });
      area.focus();
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });
  area.addEventListener('input', () => dispatch({ type: 'draft_changed', conversation: read().current, text: area.value }));
  area.addEventListener('keydown', (event) => {
    // keyCode 229: Safari ends the composition before the Enter that confirmed it.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (matchMedia('(pointer: coarse)').matches) return;
    event.preventDefault();
    if (!liveHere(read())) submit();
  });

  /** One sentence under the composer: what is new to this person, or what helps now. @param {State} state */
  const hintOf = (state) => {
    const live = liveHere(state);
    const question = live?.reply?.phase === 'queued' ? currentTree(state)?.messages[live.parent ?? ''] : undefined;
    if (question) return words.sentAt(question.created);
    if (state.inspector.isOpen) return words.inspectHint;
    if (state.view.isContextOpen) return words.meterHint;
    const hasEmbers = state.settings.hasEmbers && pathOf(currentTree(state)).some(({ reply }) => reply && reply.phase === 'done' && reply.lp.length > 0);
    return hasEmbers ? words.embersHint : words.keysHint;
  };

  /** @param {State} state */
  const update = (state) => {
    const live = liveHere(state);
    const draft = state.drafts[state.current] ?? '';
    if (area.value !== draft) area.value = draft;
    if (grown !== draft) {
      grown = draft;
      grow();
    }
    const hasTurns = currentTree(state)?.head || waitingHere(state).length > 0;
    set(area, 'placeholder', hasTurns ? words.placeholderNext : words.placeholder);
    const tooLong = isTooLong(state);
    const warning = live ? '' : warningOf(words, state);
    setText(dropText, warning);
    meter.element.hidden = !meter.update(state);
    const hinted = hintOf(state);
    setText(hint, hinted);
    set(hint, 'data-only', hinted === words.keysHint && 'keys');
    if (tooLong) setText(longNote, words.tooLong(state.server.limits.content_bytes));
    setChildren(notes, [...(isModelReady(state) ? [] : [earlyNote]), ...(state.editing ? [editNote] : []), ...(tooLong ? [longNote] : []), ...(warning ? [dropNote] : [])]);
    const isEmpty = draft.trim() === '';
    set(form, 'data-state', live ? 'streaming' : isEmpty ? 'empty' : state.connection.phase === 'ready' ? 'ready' : 'offline');
    setChildren(sendButton, [live ? stopIcon : sendIcon]);
    set(sendButton, 'data-kind', live && 'stop');
    set(sendButton, 'aria-label', live ? words.stopLabel : words.send);
    set(sendButton, 'title', live ? words.stop : words.send);
    sendButton.disabled = !live && (isEmpty || tooLong);
    const { system, sampling, stop, seed } = chatOf(state);
    const isChanged = Object.keys(sampling).length > 0 || stop.length > 0 || seed !== undefined;
    setText(chipName, system.trim() ? words.customChip : isChanged ? words.changedChip : words.defaultsChip);
    setText(chipValue, state.server.model?.defaults ? words.temperatureShort(samplingOf(state).temperature) : '');
  };

  return { element: form, hint, area, update, dragged };
}

