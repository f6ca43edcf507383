/** Address of KaTeX's style sheet; build.mjs puts it in. */
declare var KATEX_CSS: string;
