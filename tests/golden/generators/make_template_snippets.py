#!/usr/bin/env python3
"""Small templates, each for a few corners of the language, rendered by Jinja itself in the environment that transformers'
apply_chat_template uses (set up here again, so that only jinja2 is needed).

    python make_template_snippets.py > ../template_snippets.json

Reads template_snippets.txt: templates between lines of ===.
"""
import datetime as dt
import json
import platform
import sys
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = dt.datetime(2024, 7, 6, 9, 5, 3)
VARIABLES = {
    "messages": [
        {"role": "system", "content": "You are <b>"}, {"role": "user", "content": " Hi 中文 É\n"},
        {"role": "assistant", "content": None,
         "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": 1, "b": [1.5, None, True]}}}]}],
    "n": 3, "f": 2.5, "s": "Hello World", "l": [3, 1, 2], "d": {"b": 1, "a": {"c": 2}}, "e": "", "z": None, "t": True,
}


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("pass_through"), [], [], body).set_lineno(line)

    def pass_through(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def kind_of(error):
    for kind, cls in (("security", jinja2.exceptions.SecurityError), ("undefined", jinja2.exceptions.UndefinedError),
                      ("syntax", jinja2.exceptions.TemplateSyntaxError), ("runtime", jinja2.exceptions.TemplateRuntimeError),
                      ("raise_exception", jinja2.exceptions.TemplateError), ("type", TypeError)):
        if isinstance(error, cls):
            return kind
    return "other"


def main():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals.update(raise_exception=raise_exception, strftime_now=NOW.strftime)
    text = Path(__file__).with_name("template_snippets.txt").read_text(encoding="utf-8")
    cases = []
    for template in text.rstrip("\n").split("\n===\n"):
        case = {"template": template}
        try:
            variables = {"tools": None, "documents": None, "add_generation_prompt": False, **json.loads(json.dumps(VARIABLES))}
            case["expected"] = env.from_string(template).render(**variables)
        except Exception as error:  # every failure is data
            case["error"] = kind_of(error)
        cases.append(case)
    json.dump({"format": "hearth-template-snippets-1", "now": NOW.isoformat(), "variables": VARIABLES, "cases": cases,
               "versions": {"python": platform.python_version(), "jinja2": jinja2.__version__}},
              sys.stdout, ensure_ascii=True, indent=1)
    print()


if __name__ == "__main__":
    main()
