// What the network, the clock and the session did.

/** @typedef {import('./actions.js').NetworkAction} NetworkAction */
/** @typedef {import('./state.js').State} State */

/** @param {State} state @param {NetworkAction} action @returns {State | undefined} */
export function onNetwork(state, action) {
  const { connection, session } = state;
  switch (action.type) {
    case 'code_wanted':
      return { ...state, session: { ...session, phase: 'code', problem: action.problem, isUnreachable: false } };
    case 'session_opened':
      return { ...state, session: { ...session, phase: 'open', user: action.user, problem: undefined, isUnreachable: false } };
    case 'session_unreachable':
      return { ...state, session: { ...session, isUnreachable: true } };
    case 'connection_tried':
      return { ...state, connection: { ...connection, phase: 'connecting' } };
    case 'connection_lost':
      return lose(state, action);
    case 'connection_ended':
      return { ...state, connection: { ...connection, phase: 'ended', code: action.code } };
    case 'loss_lasted':
      return { ...state, connection: { ...connection, notice: action.notice } };
    case 'second_passed':
      return { ...state, now: action.at };
    case 'page_seen':
      return { ...state, page: { isSeen: action.isSeen, news: action.isSeen ? 'none' : state.page.news } };
    case 'deletion_due':
      return state.deletion ? { ...state, deletion: undefined, leaving: [...state.leaving, state.deletion] } : state;
    case 'deletion_done':
      return { ...state, leaving: state.leaving.filter((deletion) => deletion !== action.deletion) };
    default:
      return undefined;
  }
}

/** What was on its way may not have arrived: it is sent again with the same id. @param {State} state @param {{at: number, retryAt: number}} action @returns {State} */
function lose(state, { at, retryAt }) {
  const isFirst = state.connection.lostAt === 0;
  return {
    ...state,
    now: at,
    connection: { ...state.connection, phase: 'lost', retryAt, lostAt: isFirst ? at : state.connection.lostAt },
    outbox: state.outbox.map((item) => (item.phase === 'sent' ? { ...item, phase: 'waiting' } : item)),
  };
}

