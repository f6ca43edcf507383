import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHtml } from '../src/markdown/parser.js';

/** @param {string} text */
const html = (text) => toHtml(text, {});

// Each must come out as words: no element that runs, loads or submits, and no address but http, https and mailto.
const hostile = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<style>*{display:none}</style>',
  '<form action=//evil.test><input name=q></form>',
  '<a href="javascript:alert(1)">x</a>',
  '<details open ontoggle=alert(1)>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '<!--><img src=x onerror=alert(1)>-->',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](java\u0000script:alert(1))',
  '[x](&#106;avascript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:msgbox(1))',
  '[x](file:///etc/passwd)',
  '[x](//evil.test/a)',
  '[x](/logout)',
  '<javascript:alert(1)>',
  '[x]: javascript:alert(1)\n\n[x]',
  '![x](https://evil.test/pixel.png)',
  '![x](http://evil.test/a.svg)',
  '![x](data:image/svg+xml,<svg onload=alert(1)>)',
  '![x](javascript:alert(1))',
  '![`<img src=x onerror=alert(1)>`](https://evil.test/"onload="alert(1))',
  '[![x](https://evil.test/p.png)](https://evil.test)',
  '```"><script>alert(1)</script>\ncode\n```',
  '``` onclick=alert(1)\ncode\n```',
  '| a |\n|:-:|\n| <img src=x onerror=alert(1)> |',
  '# <script>alert(1)</script>',
  '`<script>alert(1)</script>`',
  '> <script>alert(1)</script>',
  '[x](https://ok.test "\\" onmouseover=alert(1) \\"")',
];

for (const text of hostile) {
  test(`is only words: ${JSON.stringify(text.slice(0, 60))}`, () => {
    const tags = [...html(text).matchAll(/<([a-z]+[0-9]?)((?:\s+[^<>]*)?)>/gi)];
    for (const [, tag, attributes] of tags) {
      assert.match(tag, /^(p|h[3-6]|a|code|pre|table|thead|tbody|tr|th|td|blockquote|em|strong|br|hr|ul|ol|li)$/i);
      const bare = attributes.replaceAll(/"[^"]*"/g, '""');
      assert.doesNotMatch(bare, /\son\w+\s*=/i);
      assert.doesNotMatch(bare, /\s(style|src|srcset|action)\s*=/i);
      for (const [, href] of attributes.matchAll(/href="([^"]*)"/g)) assert.match(href, /^(https?:|mailto:)/);
    }
  });
}

test('beside Han signs emphasis opens and closes at punctuation', () => {
  assert.equal(html('**开头：**家乡'), '<p><strong>开头：</strong>家乡</p>\n');
  assert.equal(html('他说**“你好”**然后走了'), '<p>他说<strong>“你好”</strong>然后走了</p>\n');
  assert.equal(html('a * b * c, snake_case_name, 2**3'), '<p>a * b * c, snake_case_name, 2**3</p>\n');
  assert.equal(html('**bold**text and *em*'), '<p><strong>bold</strong>text and <em>em</em></p>\n');
});

test('a picture is offered as a link and never loads', () => {
  assert.equal(html('![a cat](https://pictures.test/cat.png)'), '<p><a href="https://pictures.test/cat.png">a cat</a></p>\n');
});

test('the page keeps heading levels 1 and 2 for itself', () => {
  assert.equal(html('# A\n\n###### B'), '<h3>A</h3>\n<h6>B</h6>\n');
});

test('the alignment of a column is data, not style', () => {
  assert.match(html('|a|b|\n|-|-:|\n|c|1|'), /<th>a<\/th>\s*<th data-align="right">b<\/th>/);
});
