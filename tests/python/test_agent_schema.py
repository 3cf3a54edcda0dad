"""The JSON Schema of an agent takes and refuses what the server takes and refuses: every limit that it names is tried from both
sides, on a running server.
"""

import copy
import unittest

import jsonschema
from harness import Server

ADMIN = "/api/ringline/v1/admin"
#: What has to be there for the rest of a struct to be valid.
NEEDED = {
    "UserIdle": {"WaitTime": 5000, "MaxRepeats": 1},
    "LlmPending": {"WaitTime": 500},
    "Messages": {"Text": "a"},
    "LlmHistory": {"Role": "user", "Content": "a"},
    "PronunciationRules": {"Word": "a", "Pronunciation": "b"},
    "FunctionMap": {"Function": "hangup", "MatchFunction": "end"},
    "ambient_sounds": {"id": "rain", "url": "https://a.example/rain.wav"},
    "callbacks": {"url": "https://a.example/events"},
    "llm": {"base_url": "https://llm.example/v1", "model": "m"},
    "app": {"id": "a", "key": "k"},
}


def edges(schema):
    """Values on both sides of each limit, and of wrong types."""
    if "const" in schema:
        return [schema["const"], "something else"]
    if "enum" in schema:
        return [value for value in schema["enum"] if value is not None] + ["something else", ["x"]]
    if "anyOf" in schema or "oneOf" in schema:
        return [value for one in schema.get("anyOf", schema.get("oneOf")) if one != {"type": "null"} for value in edges(one)]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    values = []
    if "string" in kinds:
        if "pattern" in schema:
            return ["abc", "a b", "x" * 300, {}]
        # Empty means that it is not set; a schema need not know.
        values += ["x", {"a": 1}] + ["x" * n for n in (schema["maxLength"], schema["maxLength"] + 1)] if "maxLength" in schema else ["x"]
    if "integer" in kinds or "number" in kinds:
        least, most, step = schema.get("minimum"), schema.get("maximum"), 1 if "integer" in kinds else 0.01
        values += [n for n in (least, most) if n is not None] + [{"a": 1}, True]
        values += [] if least is None else [least - step]
        values += [] if most is None else [most + step]
        values += [least + 0.5] if "integer" in kinds and least is not None else []
    if "boolean" in kinds:
        values += [True, False, {"a": 1}]
    return values


class AgentSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.headers = {"authorization": f"Bearer {cls.server.ready['admin_token']}"}
        cls.schema = cls.server.post(f"{ADMIN}/agents/schema", b"", "GET", cls.headers)[1]
        cls.agent = cls.server.post(f"{ADMIN}/agents", {"name": "Test"}, "POST", cls.headers)[1]["id"]

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0
        cls.server.__exit__()

    def taken(self, agent):
        status, answer = self.server.post(f"{ADMIN}/agents/{self.agent}", agent, "PUT", self.headers)
        self.assertIn(status, (200, 400), answer)
        return status == 200

    def resolve(self, schema):
        while True:
            if "$ref" in schema:
                schema = self.schema["$defs"][schema["$ref"].removeprefix("#/$defs/")]
                continue
            one = [s for s in schema.get("oneOf", schema.get("anyOf", [])) if s != {"type": "null"}]
            if len(one) == 1:
                schema = one[0]
                continue
            return schema

    def cases(self, schema, name):
        """(value of the position, what was tried) for everything below it."""
        schema = self.resolve(schema)
        if "properties" in schema:
            base = NEEDED.get(name, {})
            for field, inner in schema["properties"].items():
                if inner.get("readOnly"):
                    continue
                for value, what in self.cases(inner, field):
                    yield {**base, field: value}, f"{field}.{what}"
        elif "items" in schema and schema.get("type") != "string":
            entries = list(self.cases(schema["items"], name))
            for value, what in entries:
                yield [value], f"[].{what}"
            if "maxItems" in schema and name not in ("UnspokenBrackets",):
                fine = NEEDED.get(name, {}) if self.resolve(schema["items"]).get("type") == "object" else "x"
                for count in (schema["maxItems"], schema["maxItems"] + 1):
                    yield self.many(name, fine, count), f"{count} entries"
        else:
            for value in edges(schema):
                yield value, repr(value)[:40]

    def many(self, name, fine, count):
        entries = [copy.deepcopy(fine) for _ in range(count)]
        if name == "Messages":
            entries = [{**entry, "Probability": 1 if n == 0 else 0} for n, entry in enumerate(entries)]
        if name in ("voices", "events"):
            entries = [f"x{n}" for n in range(count)]
        if name == "ambient_sounds":
            entries = [{**entry, "id": f"x{n}"} for n, entry in enumerate(entries)]
        if name in ("Words", "BackChannelingConfigs"):
            entries = [{"Probability": 0.5} for _ in range(count)]
        return entries

    #: What a schema cannot say: addresses (an "x" is none), and that probabilities add up.
    UNSAYABLE = ("url", "base_url", "callback_url")
    #: Entries whose fields need one another (a provider by its kind, a tool server its address or command): the server's own tests
    #: try those.
    DEPENDENT = {"asr", "llm_fallback", "tts", "mcp_servers"}

    def test_every_limit_holds_on_both_sides(self):
        validator = jsonschema.Draft202012Validator(self.schema)
        validator.check_schema(self.schema)
        tried = {True: 0, False: 0}
        for field in ("config", "settings", "name", "type"):
            for value, what in self.cases(self.schema["properties"][field], field):
                parts = what.split(".")
                if parts[-2:-1] and parts[-2] in self.UNSAYABLE or "Probability" in what or self.DEPENDENT & set(parts):
                    continue
                agent = {"name": "Test", field: value}
                expected = validator.is_valid(agent)
                self.assertEqual(self.taken(agent), expected, f"{field}.{what}: the schema says {expected}")
                tried[expected] += 1
        # Neither side is empty: the schema really has limits.
        self.assertGreater(tried[True], 100)
        self.assertGreater(tried[False], 100)


if __name__ == "__main__":
    unittest.main()
