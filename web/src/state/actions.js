// Everything that can happen, in the past tense: what the person did, what the server said, what the network and the clock did.

/** @typedef {import('../wire.js').ErrorBody} ErrorBody */
/** @typedef {import('../wire.js').User} User */
/** @typedef {import('./state.js').Settings} Settings */
/** @typedef {import('./state.js').Toast} Toast */
/** @typedef {import('./state.js').Sampling} Sampling */

/**
 * The person.
 * @typedef {{type: 'message_sent', id: string, content: string, at: number}
 *   | {type: 'reply_asked_again', id: string, message: string, at: number, params?: import('../wire.js').Params}
 *   | {type: 'reply_continued', id: string, message: string}
 *   | {type: 'branch_asked', id: string, branch: import('../wire.js').Branch, seed?: number, params?: import('../wire.js').Params, isStepped?: boolean}
 *   | {type: 'steps_asked', id: string, message: string}
 *   | {type: 'step_asked', stream: string, tokens: number, token?: number}
 *   | {type: 'waiting_retried', id: string}
 *   | {type: 'waiting_discarded', id: string}
 *   | {type: 'edit_started', message: string}
 *   | {type: 'edit_left'}
 *   | {type: 'stop_pressed', stream: string}
 *   | {type: 'answer_wanted', stream: string}
 *   | {type: 'thinking_changed', budget: number | undefined}
 *   | {type: 'version_chosen', message: string}
 *   | {type: 'draft_changed', conversation: string, text: string}
 *   | {type: 'conversation_opened', id: string, found?: string}
 *   | {type: 'conversation_pinned', id: string, pinned: boolean}
 *   | {type: 'conversation_exported', id: string, format: 'hearth' | 'markdown'}
 *   | {type: 'everything_exported'}
 *   | {type: 'phrase_wanted'}
 *   | {type: 'phrase_kept'}
 *   | {type: 'phrase_entry_toggled', isOpen: boolean}
 *   | {type: 'phrase_used', phrase: string}
 *   | {type: 'end_asked', kind: 'none' | 'leave' | 'erase'}
 *   | {type: 'end_confirmed', kind: 'leave' | 'erase'}
 *   | {type: 'files_imported', files: readonly File[]}
 *   | {type: 'search_changed', query: string}
 *   | {type: 'found_shown'}
 *   | {type: 'preset_chosen', preset: import('./chat.js').Preset}
 *   | {type: 'stop_changed', stop: readonly string[]}
 *   | {type: 'seed_changed', seed: number | undefined}
 *   | {type: 'help_toggled', isOpen: boolean}
 *   | {type: 'context_toggled', isOpen: boolean}
 *   | {type: 'inspector_opened', tab?: import('./state.js').InspectorTab, message?: string | null, token?: number}
 *   | {type: 'inspector_closed'}
 *   | {type: 'token_selected', token: number}
 *   | {type: 'candidate_selected', candidate: number}
 *   | {type: 'what_if_moved', whatIf: import('./state.js').WhatIf}
 *   | {type: 'tensor_opened', name: string}
 *   | {type: 'trace_wanted', message: string}
 *   | {type: 'more_conversations_wanted'}
 *   | {type: 'menu_toggled', id: string | null}
 *   | {type: 'rewrite_started', message: string}
 *   | {type: 'rewrite_left'}
 *   | {type: 'reply_rewritten', message: string, content: string}
 *   | {type: 'rename_started', id: string}
 *   | {type: 'rename_left'}
 *   | {type: 'conversation_renamed', id: string, title: string}
 *   | {type: 'conversation_deleted', id: string}
 *   | {type: 'history_cleared'}
 *   | {type: 'deletion_undone'}
 *   | {type: 'display_changed', display: Partial<Settings>}
 *   | {type: 'instructions_changed', text: string}
 *   | {type: 'sampling_changed', name: keyof Sampling, value: number}
 *   | {type: 'defaults_restored'}
 *   | {type: 'settings_opened'}
 *   | {type: 'settings_closed'}
 *   | {type: 'rail_toggled', isOpen: boolean}
 *   | {type: 'toast_shown', toast: Toast}
 *   | {type: 'toast_left'}
 *   | {type: 'notice_dismissed'}
 *   | {type: 'join_asked', code: string, name: string}} PersonAction
 */

/**
 * The network, the clock and the session.
 * @typedef {{type: 'code_wanted', problem: ErrorBody | undefined}
 *   | {type: 'session_opened', user: User}
 *   | {type: 'session_unreachable'}
 *   | {type: 'connection_tried'}
 *   | {type: 'connection_lost', at: number, retryAt: number}
 *   | {type: 'connection_ended', code: number}
 *   | {type: 'loss_lasted', notice: 'chip' | 'banner'}
 *   | {type: 'second_passed', at: number}
 *   | {type: 'deletion_due'}
 *   | {type: 'page_seen', isSeen: boolean}
 *   | {type: 'deletion_done', deletion: import('./state.js').Deletion}} NetworkAction
 */

/**
 * The server. Answers come with what was asked.
 * @typedef {{type: 'ready_received', ready: import('../wire.js').Ready}
 *   | {type: 'stream_moved', event: import('../wire.js').StreamEvent, at: number}
 *   | {type: 'model_moved', event: import('../wire.js').ModelEvent, at: number}
 *   | {type: 'restart_announced'}
 *   | {type: 'room_counted', event: import('../wire.js').RoomEvent}
 *   | {type: 'conversations_listed', page: import('../wire.js').HistoryPage, isFirst: boolean}
 *   | {type: 'history_asked', conversation: string}
 *   | {type: 'history_read', conversation: string, page: import('../wire.js').ConversationPage, isFirst: boolean}
 *   | {type: 'history_failed', conversation: string, isGone: boolean}
 *   | {type: 'waiting_submitted', id: string}
 *   | {type: 'waiting_refused', id: string, error: ErrorBody}
 *   | {type: 'attach_failed', stream: string}
 *   | {type: 'rename_failed', id: string, title: string}
 *   | {type: 'pin_failed', id: string, pinned: boolean}
 *   | {type: 'feature_missing', feature: string}
 *   | {type: 'conversation_changed', event: import('../wire.js').Changed}
 *   | {type: 'context_measured', conversation: string, draft: string, measure: import('../wire.js').Measure | undefined}
 *   | {type: 'search_asked', query: string}
 *   | {type: 'search_answered', query: string, page: import('../wire.js').SearchPage | undefined}
 *   | {type: 'account_read', account: import('../wire.js').Account}
 *   | {type: 'phrase_made', phrase: string | undefined}
 *   | {type: 'phrase_refused', why: 'wrong' | 'often' | 'lost'}
 *   | {type: 'end_failed'}
 *   | {type: 'import_moved', at: number, of: number, report: import('./state.js').ImportReport}
 *   | {type: 'import_ended', report: import('./state.js').ImportReport, grown: readonly string[]}
 *   | {type: 'trace_asked', message: string}
 *   | {type: 'trace_read', message: string, page: import('../wire.js').TracePage | undefined}
 *   | {type: 'prompt_asked', message: string}
 *   | {type: 'prompt_read', message: string, page: import('../wire.js').PromptPage | undefined}
 *   | {type: 'model_asked'}
 *   | {type: 'model_read', sheet: import('../wire.js').ModelSheet | undefined}
 *   | {type: 'tensor_asked', name: string}
 *   | {type: 'tensor_read', name: string, window: import('../wire.js').TensorWindow | undefined}} ServerAction
 */

/** @typedef {PersonAction | NetworkAction | ServerAction} Action */

export {};
