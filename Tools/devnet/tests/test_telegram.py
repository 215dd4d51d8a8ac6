"""The Bot API emulator: markup, checks, errors, limits and updates."""

import http.client
import json
import threading
import time

import pytest
from conftest import HTTP

from receivers.telegram_text import MarkupError, parse

EMOJI = "5368324170671202286"


def entities(found) -> list[tuple]:
    return [(entity.type, entity.offset, entity.length, *entity.details.values()) for entity in found]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("plain &lt;b&gt; &amp; &quot;q&quot;", 'plain <b> & "q"', []),
        ("&nbsp; &apos; &amp;lt; & &x", "&nbsp; &apos; &lt; & &x", []),
        ("&#65;&#x1F600;&#0;", "A😀&#0;", []),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<B>a</b><strong>b</strong>", "ab", [("bold", 0, 1), ("bold", 1, 1)]),
        ("<u>a</u><ins>b</ins><s>c</s><strike>d</strike><del>e</del><em>f</em>", "abcdef",
         [("underline", 0, 1), ("underline", 1, 1), ("strikethrough", 2, 1), ("strikethrough", 3, 1),
          ("strikethrough", 4, 1), ("italic", 5, 1)]),
        ("<b>x</>", "x", [("bold", 0, 1)]),
        ("😀<b>é</b>", "😀é", [("bold", 2, 1)]),
        ("<b></b>x", "x", []),
        ('<a href="https://e.com/x?a=1&amp;b=2">l</a>', "l", [("text_link", 0, 1, "https://e.com/x?a=1&b=2")]),
        ("<a href='tg://user?id=1'>l</a>", "l", [("text_link", 0, 1, "tg://user?id=1")]),
        ("<a href=e.com>l</a>", "l", [("text_link", 0, 1, "http://e.com/")]),
        ("<a>https://e.com</a>", "https://e.com", [("text_link", 0, 13, "https://e.com/")]),
        ('<a href="javascript:alert(1)">l</a>', "l", []),
        ('<a href="http://localhost/">l</a>', "l", []),
        ("<code>a.b</code><pre>c</pre>", "a.bc", [("code", 0, 3), ("pre", 3, 1)]),
        ('<pre><code class="language-json">{}</code></pre>', "{}", [("pre", 0, 2, "json")]),
        ('<span class="tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>', "ab", [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ("<blockquote>a</blockquote><blockquote expandable>b</blockquote>", "ab",
         [("blockquote", 0, 1), ("expandable_blockquote", 1, 1)]),
        (f'<tg-emoji emoji-id="{EMOJI}">👍</tg-emoji>', "👍", [("custom_emoji", 0, 2, EMOJI)]),
        ("  <b> x </b>\n", "x", [("bold", 0, 1)]),
    ],
)  # fmt: skip
def test_html_means(source, text, expected):
    found_text, found = parse(source, "HTML")
    assert (found_text, entities(found)) == (text, expected)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("é</b>", "Unexpected end tag at byte offset 2"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a <foo>", 'Unsupported start tag "foo" at byte offset 2'),
        ("a < b >", 'Unsupported start tag "" at byte offset 2'),
        ("x <b", "Unclosed start tag at byte offset 2"),
        ("<a href", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ('<a href="x', 'Unclosed start tag "a" at byte offset 0'),
        ('<a ="x">l</a>', 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="x">y</tg-emoji>', "Invalid custom emoji identifier specified"),
    ],
)
def test_html_fails(source, error):
    with pytest.raises(MarkupError) as failure:
        parse(source, "HTML")
    assert str(failure.value) == error


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("plain", "plain", []),
        (r"1\.5 \- \(x\) \_\*\[\]\~\`\>\#\+\=\|\{\}\!\\ \a", "1.5 - (x) _*[]~`>#+=|{}!\\ a", []),
        ("*b _i_*", "b i", [("bold", 0, 3), ("italic", 2, 1)]),
        ("__u__ ~s~ ||p||", "u s p", [("underline", 0, 1), ("strikethrough", 2, 1), ("spoiler", 4, 1)]),
        ("_i__u__i_", "iui", [("italic", 0, 3), ("underline", 1, 1)]),
        (r"`a.b\`c`", "a.b`c", [("code", 0, 5)]),
        ("```py\nx = 1.\n```", "x = 1.", [("pre", 0, 6, "py")]),
        ("```x```", "x", [("pre", 0, 1)]),
        (r"[l\.](https://e.com/a\)b)", "l.", [("text_link", 0, 2, "https://e.com/a)b")]),
        ("[l](http://localhost)", "l", []),
        ("[https://e\\.com]", "https://e.com", [("text_link", 0, 13, "https://e.com/")]),
        (f"![👍](tg://emoji?id={EMOJI})", "👍", [("custom_emoji", 0, 2, EMOJI)]),
        (">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 3)]),
        (">a\n>*b*||", "a\nb", [("expandable_blockquote", 0, 3), ("bold", 2, 1)]),
        (">a\n**>b", "a\nb", [("blockquote", 0, 1), ("blockquote", 2, 1)]),
        ("😀 *é*", "😀 é", [("bold", 3, 1)]),
    ],
)
def test_markdown_v2_means(source, text, expected):
    found_text, found = parse(source, "MarkdownV2")
    assert (found_text, entities(found)) == (text, expected)


RESERVED = "Character '{}' is reserved and must be escaped with the preceding '\\'"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        *[(f"a{character}", RESERVED.format(character)) for character in "])>#+-=|{}.!("],
        ("é *b", "Can't find end of Bold entity at byte offset 3"),
        ("_i", "Can't find end of Italic entity at byte offset 0"),
        ("__u_", "Can't find end of Italic entity at byte offset 3"),
        ("~s", "Can't find end of Strikethrough entity at byte offset 0"),
        ("||s", "Can't find end of Spoiler entity at byte offset 0"),
        ("`c", "Can't find end of Code entity at byte offset 0"),
        ("```c", "Can't find end of Pre entity at byte offset 0"),
        ("[l", "Can't find end of TextUrl entity at byte offset 0"),
        ("[l](http://e.com", "Can't find end of a URL at byte offset 3"),
        (">*a\nb*", "Can't find end of Bold entity at byte offset 1"),
        ("![x](http://e.com)", "Custom emoji entity must contain a tg://emoji URL"),
    ],
)
def test_markdown_v2_fails(source, error):
    with pytest.raises(MarkupError) as failure:
        parse(source, "MarkdownV2")
    assert str(failure.value) == error


def test_legacy_markdown():
    text, found = parse("*b* _i_ `c` ```p``` [l](https://e.com) \\_ a.b!", "Markdown")
    assert text == "b i c p l _ a.b!"
    assert [entity.type for entity in found] == ["bold", "italic", "code", "pre", "text_link"]
    with pytest.raises(MarkupError, match="Can't find end of the entity starting at byte offset 1"):
        parse("a_b", "Markdown")


# -------------------------------------------------------------------- the server


class BotAPI(HTTP):
    def __init__(self, program) -> None:
        super().__init__(program.ready["url"])
        self.token = program.ready["token"]

    def call(self, method: str, fields=None, **named):
        return self.post(f"/bot{self.token}/{method}", {**(fields or {}), **named})

    def send(self, text: str, chat_id=7, **named):
        return self.call("sendMessage", chat_id=chat_id, text=text, **named)

    def result(self, method: str, **named):
        status, answer = self.call(method, **named)
        assert (status, answer["ok"]) == (200, True), answer
        return answer["result"]

    def error(self, text="x", chat_id=7, **named) -> str:
        status, answer = self.send(text, chat_id, **named)
        assert answer["ok"] is False and answer["error_code"] == status
        return answer["description"]

    def last(self) -> dict:
        return self.get("/ledger?after=0")[-1]


@pytest.fixture(scope="module")
def bot(programs, tmp_path_factory):
    path = tmp_path_factory.mktemp("telegram") / "ledger.jsonl"
    api = BotAPI(programs("receivers/telegram.py", "--ledger", str(path)))
    api.ledger_path = path
    return api


def test_a_message_is_returned_and_recorded_with_its_entities(bot):
    keyboard = {"inline_keyboard": [[{"text": "View", "url": "https://e.com/tx/0x1"}]]}
    message = bot.result(
        "sendMessage",
        chat_id="-1001234567890",
        text="<b>Hi</b> &lt;you&gt;",
        parse_mode="HTML",
        reply_markup=keyboard,
        message_thread_id=5,
        link_preview_options={"is_disabled": True},
    )
    assert message["text"] == "Hi <you>"
    assert message["entities"] == [{"type": "bold", "offset": 0, "length": 2}]
    assert message["chat"] == {"id": -1001234567890, "type": "supergroup", "title": "Chat -1001234567890"}
    assert message["reply_markup"] == keyboard
    assert message["message_thread_id"] == 5
    assert abs(message["date"] - time.time()) < 10
    entry = bot.last()
    assert entry["ok"] is True
    assert (entry["text"], entry["source"]) == ("Hi <you>", "<b>Hi</b> &lt;you&gt;")
    assert entry["entities"] == message["entities"]
    assert entry["chat_id"] == -1001234567890 and entry["message_id"] == message["message_id"]


def test_get_me_and_case_of_methods(bot):
    assert bot.result("getMe")["is_bot"] is True
    assert bot.result("GETME")["id"] == int(bot.token.split(":")[0])


def test_forms_and_queries_are_accepted(bot):
    path = f"/bot{bot.token}/sendMessage"
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, _, answer = bot.request("POST", path, "chat_id=7&text=a%20b", form)
    assert status == 200 and json.loads(answer)["result"]["text"] == "a b"
    status, _, answer = bot.request("GET", path + "?chat_id=7&text=q")
    assert json.loads(answer)["result"]["text"] == "q"


@pytest.mark.parametrize(
    ("chat", "kind"),
    [(7, "private"), ("7", "private"), (-7, "group"), (-1000000000001, "supergroup"), ("@name", "channel")],
)
def test_chat_ids(bot, chat, kind):
    assert bot.result("sendMessage", chat_id=chat, text="x")["chat"]["type"] == kind


@pytest.mark.parametrize(
    ("chat", "error"),
    [
        (None, "Bad Request: chat_id is empty"),
        ("", "Bad Request: chat_id is empty"),
        ("name", "Bad Request: chat not found"),
        (2**60, "Bad Request: chat not found"),
        (0, "Bad Request: chat not found"),
    ],
)
def test_bad_chat_ids(bot, chat, error):
    assert bot.error(chat_id=chat) == error


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"text": ""}, "Bad Request: message text is empty"),
        ({"text": " \n "}, "Bad Request: message text is empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "Bad Request: message text is empty"),
        ({"text": "a" * 4097}, "Bad Request: message is too long"),
        ({"text": "😀" * 2049}, "Bad Request: message is too long"),
        ({"text": "<b>", "parse_mode": "HTML"},
         'Bad Request: can\'t parse entities: Can\'t find end tag corresponding to start tag "b"'),
        ({"text": "a.b", "parse_mode": "MarkdownV2"},
         "Bad Request: can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"),
        ({"text": "x", "parse_mode": "XML"}, "Bad Request: unsupported parse_mode"),
        ({"text": "x", "message_thread_id": 1}, "Bad Request: message thread not found"),
        ({"text": "x", "link_preview_options": "no"}, "Bad Request: can't parse a JSON-serialized parameter"),
        ({"text": "x", "link_preview_options": []}, "Bad Request: object expected as link preview options"),
        ({"text": "x", "entities": [{"type": "no", "offset": 0, "length": 1}]},
         "Bad Request: can't parse entities: unsupported type of MessageEntity specified"),
        ({"text": "x", "reply_markup": []}, "Bad Request: object expected as reply markup"),
        ({"text": "x", "reply_markup": {"inline_keyboard": [{"text": "a"}]}},
         'Bad Request: field "inline_keyboard" must be an Array of Arrays'),
    ],
)  # fmt: skip
def test_bad_messages(bot, fields, error):
    assert bot.error(**fields) == error
    assert bot.last()["error"] == error and bot.last()["ok"] is False


def test_lengths_count_what_is_visible(bot):
    assert (
        len(bot.result("sendMessage", chat_id=7, text="<b>" + "a" * 4096 + "</b>", parse_mode="HTML")["text"]) == 4096
    )


@pytest.mark.parametrize(
    ("button", "error"),
    [
        ({"url": "https://e.com"}, "can't parse inline keyboard button: Can't find field \"text\""),
        ({"text": "a"}, "text buttons are unallowed in the inline keyboard"),
        ({"text": " ", "url": "https://e.com"}, "inline keyboard button text must be non-empty"),
        ({"text": "a", "url": "http://localhost"},
         "inline keyboard button URL 'http://localhost' is invalid: Wrong HTTP URL"),
        ({"text": "a", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "a", "url": "https://e.com", "callback_data": "x"},
         "can't parse inline keyboard button: exactly one of the optional fields must be used"),
        ({"text": "a" * 11000, "url": "https://e.com"}, "reply markup is too long"),
    ],
)  # fmt: skip
def test_bad_buttons(bot, button, error):
    assert bot.error(reply_markup={"inline_keyboard": [[button]]}) == f"Bad Request: {error}"


def test_good_buttons_may_come_as_json_text(bot):
    markup = {
        "inline_keyboard": [[{"text": "a", "callback_data": "x" * 64}], [{"text": "b", "copy_text": {"text": "c"}}]]
    }
    assert bot.result("sendMessage", chat_id=7, text="x", reply_markup=json.dumps(markup))["reply_markup"] == markup


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/botnonsense/getMe", 401, "Unauthorized: invalid token specified"),
        ("/bot1:abcdefghij/getMe", 401, "Unauthorized"),
        ("/other", 404, "Not Found"),
    ],
)
def test_bad_tokens_and_paths(bot, path, status, error):
    found, answer = bot.post(path, {})
    assert (found, answer["error_code"], answer["description"]) == (status, status, error)


def test_unknown_methods_and_bodies(bot):
    assert bot.call("noSuchMethod")[0] == 404
    status, _, _ = bot.request("POST", f"/bot{bot.token}/sendMessage", b"{", {"content-type": "application/json"})
    assert status == 400


def test_an_edit_changes_a_message_once(bot):
    message = bot.result("sendMessage", chat_id=7, text="one")
    edited = bot.result("editMessageText", chat_id=7, message_id=message["message_id"], text="two")
    assert edited["text"] == "two" and "edit_date" in edited
    _, answer = bot.call("editMessageText", chat_id=7, message_id=message["message_id"], text="two")
    assert answer["description"].startswith("Bad Request: message is not modified")
    _, answer = bot.call("editMessageText", chat_id=7, message_id=99999, text="two")
    assert answer["description"] == "Bad Request: message to edit not found"


def test_errors_of_a_chat_can_be_scripted(bot):
    sequence = [
        "blocked",
        {"error": "flood", "retryAfter": 3},
        {"error": "migrated", "to": -1009},
        {"status": 502, "description": "Bad Gateway"},
        {"error": "chat_not_found", "times": 2},
    ]
    assert bot.post("/behave", {"chat": 50, "sequence": sequence}) == (200, {"ok": True})
    answers = [bot.send("x", 50) for _ in range(7)]
    assert [status for status, _ in answers] == [403, 429, 400, 502, 400, 400, 200]
    assert answers[0][1]["description"] == "Forbidden: bot was blocked by the user"
    assert answers[1][1]["parameters"] == {"retry_after": 3}
    assert answers[2][1]["parameters"] == {"migrate_to_chat_id": -1009}
    assert bot.send("x", 51)[0] == 200
    bot.post("/behave", {"chat": 50, "sequence": [{"error": "flood", "retryAfter": 2}]})
    _, headers, _ = bot.request("POST", f"/bot{bot.token}/sendMessage", {"chat_id": 50, "text": "x"})
    assert headers["retry-after"] == "2"
    status, answer = bot.post("/behave", {"chat": 50, "sequence": ["nonsense"]})
    assert status == 400 and "known:" in answer["error"]


def test_an_answer_can_be_lost_after_the_message_was_sent(bot):
    bot.post("/behave", {"chat": 60, "sequence": [{"lose": True}, {"drop": True}]})
    for ok in (True, False):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            bot.send("x", 60)
        assert bot.last()["ok"] is ok


def test_updates_are_waited_for_confirmed_and_filtered_by_offset(bot):
    results = []
    poller = threading.Thread(target=lambda: results.append(bot.result("getUpdates", timeout=30)))
    poller.start()
    deadline = time.monotonic() + 10
    while not results and time.monotonic() < deadline:
        if not results:
            status, update = bot.post("/updates", {"text": "/start abc", "chat": 42, "from": {"username": "u"}})
            assert status == 200
        poller.join(0.05)
    message = results[0][0]["message"]
    assert (message["text"], message["chat"]["id"], message["from"]["username"]) == ("/start abc", 42, "u")
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]
    last = bot.result("getUpdates")[-1]["update_id"]
    assert bot.result("getUpdates", offset=last + 1) == []
    _, update = bot.post("/updates", {"my_chat_member": {"chat": {"id": 1}}})
    assert bot.result("getUpdates", offset=last + 1) == [update]
    assert bot.result("getUpdates", offset=update["update_id"] + 1) == []


def test_two_pollers_conflict(bot):
    answers = []
    first = threading.Thread(target=lambda: answers.append(bot.call("getUpdates", offset=10**6, timeout=20)))
    first.start()
    deadline = time.monotonic() + 10
    while first.is_alive() and time.monotonic() < deadline:
        bot.call("getUpdates", offset=10**6, timeout=0)
        first.join(0.05)
    status, answer = answers[0]
    assert status == 409 and answer["description"].startswith("Conflict: terminated by other getUpdates request")


def test_floods_are_refused_when_asked_to(programs):
    bot = BotAPI(programs("receivers/telegram.py", "--flood"))
    statuses = [bot.send("x", 7)[0] for _ in range(6)]
    assert statuses[:3] == [200, 200, 200] and 429 in statuses
    assert bot.send("x", 8)[0] == 200
    assert [bot.send("x", -8)[0] for _ in range(7)].count(429) >= 1
    assert bot.send("x", 7)[1]["parameters"]["retry_after"] >= 1


def test_only_named_chats_exist_when_chats_are_named(programs):
    bot = BotAPI(programs("receivers/telegram.py", "--chat", "5", "--token", "42:abcdefghijk"))
    assert bot.token == "42:abcdefghijk"
    assert bot.send("x", 5)[0] == 200
    assert bot.error(chat_id=6) == "Bad Request: chat not found"


def test_the_file_has_the_entries_of_the_ledger(bot):
    lines = [json.loads(line) for line in bot.ledger_path.read_text().splitlines()]
    assert lines == bot.get("/ledger?after=0")
