#!/usr/bin/env python3
"""Emulates the part of the Telegram Bot API that a notifier uses, with its checks and errors. See README.md."""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from receivers.telegram_text import Entity, MarkupError, checked_link, parse, trimmed, utf16_length
from server.http import Request, json_response, listen, response
from server.ledger import Ledger, arrival
from server.program import base_url, main, parser, until_stopped

TOKEN = "123456789:devnet-AAEhBP0av28frKjZ3QE5fw9bO3x1"
TEXT_LENGTH_MAX = 4096
CALLBACK_BYTES_MAX = 64
COPY_LENGTH_MAX = 256
MARKUP_BYTES_MAX = 10_000
POLL_SECONDS_MAX = 50
UPDATES_MAX = 100

ENTITY_TYPES = {
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji",
}  # fmt: skip
BUTTON_ACTIONS = {
    "url", "callback_data", "copy_text", "web_app", "login_url", "switch_inline_query",
    "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "callback_game", "pay",
}  # fmt: skip
ACKNOWLEDGED = {
    "answercallbackquery", "deletewebhook", "deletemessage", "sendchataction", "setmycommands", "deletemycommands",
}  # fmt: skip


class APIError(Exception):
    def __init__(self, code: int, description: str, **parameters) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad_request(description: str) -> APIError:
    return APIError(400, f"Bad Request: {description}")


# Errors a chat can be told to give, by the name used in `POST /behave`.
NAMED_ERRORS = {
    "blocked": (403, "Forbidden: bot was blocked by the user"),
    "deactivated": (403, "Forbidden: user is deactivated"),
    "kicked": (403, "Forbidden: bot was kicked from the supergroup chat"),
    "not_a_member": (403, "Forbidden: bot is not a member of the channel chat"),
    "group_deleted": (403, "Forbidden: the group chat was deleted"),
    "cannot_initiate": (403, "Forbidden: bot can't initiate conversation with a user"),
    "chat_not_found": (400, "Bad Request: chat not found"),
    "no_rights": (400, "Bad Request: not enough rights to send text messages to the chat"),
    "write_forbidden": (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
    "thread_not_found": (400, "Bad Request: message thread not found"),
    "topic_closed": (400, "Bad Request: TOPIC_CLOSED"),
    "topic_deleted": (400, "Bad Request: TOPIC_DELETED"),
    "parse": (400, "Bad Request: can't parse entities: Can't find end of Bold entity at byte offset 0"),
    "unauthorized": (401, "Unauthorized"),
    "conflict": (409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"),
    "wrong_server": (421, "Misdirected Request"),
    "internal": (500, "Internal Server Error"),
    "restart": (500, "Internal Server Error: restart"),
    "bad_gateway": (502, "Bad Gateway"),
}  # fmt: skip


def named_error(step: dict) -> APIError:
    name = step["error"]
    if name == "flood":
        seconds = int(step.get("retryAfter", 5))
        return APIError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
    if name == "migrated":
        description = "Bad Request: group chat was upgraded to a supergroup chat"
        return APIError(400, description, migrate_to_chat_id=int(step["to"]))
    if name in NAMED_ERRORS:
        return APIError(*NAMED_ERRORS[name])
    raise ValueError(f"no error is called {name!r}; known: {', '.join(sorted([*NAMED_ERRORS, 'flood', 'migrated']))}")


class Flood:
    """Telegram's published limits: per chat one message a second, per group twenty a minute, thirty a second in all.

    Each is a bucket that refills steadily. Short bursts to one chat are tolerated.
    """

    def __init__(self) -> None:
        self._buckets: dict[object, tuple[float, float]] = {}

    def check(self, chat: int) -> None:
        waits = [self._take("all", 30, 30.0)]
        waits.append(self._take(chat, 5, 20 / 60) if chat < 0 else self._take(chat, 3, 1.0))
        wait = max(waits)
        if wait > 0:
            seconds = int(wait) + 1
            raise APIError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    def _take(self, key: object, burst: float, rate: float) -> float:
        """Takes one token; the answer is how long to wait when there is none."""
        now = time.monotonic()
        tokens, before = self._buckets.get(key, (burst, now))
        tokens = min(burst, tokens + (now - before) * rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            return (1 - tokens) / rate
        self._buckets[key] = (tokens - 1, now)
        return 0


class Bot:
    """One bot: its chats, messages, waiting updates and scripted answers."""

    def __init__(self, token: str, ledger: Ledger, flood: Flood | None, known_chats: set[int] | None) -> None:
        self.token = token
        self.ledger = ledger
        self.flood = flood
        self.known_chats = known_chats
        self.user = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Devnet",
            "username": "devnet_bot",
        }
        self.messages: dict[tuple[int, int], dict] = {}
        self._next_message = 1
        self._next_update = 1
        self._updates: list[dict] = []
        self._poller: asyncio.Future | None = None
        self._scripts: dict[str, list[dict]] = {}

    # ------------------------------------------------------------ scripting

    def behave(self, order: dict) -> None:
        """Queues steps for a chat, or for `*`, any chat without steps of its own."""
        steps = []
        for step in order.get("sequence", []):
            step = {"error": step} if isinstance(step, str) else dict(step)
            if "error" in step:
                named_error(step)
            steps += [step] * int(step.pop("times", 1))
        self._scripts[str(order.get("chat", "*"))] = steps

    def next_step(self, chat: int) -> dict:
        for key in (str(chat), "*"):
            steps = self._scripts.get(key)
            if steps:
                return steps[0] if steps[0].get("always") else steps.pop(0)
        return {}

    # ------------------------------------------------------------- methods

    def method_getme(self, fields: dict):
        return {
            **self.user,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def method_getchat(self, fields: dict):
        return self._chat(fields)

    def method_getwebhookinfo(self, fields: dict):
        return {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}

    def method_sendmessage(self, fields: dict):
        chat = self._chat(fields)
        text, entities = self._text(fields)
        markup = self._markup(fields)
        self._check_options(fields)
        message = {
            "message_id": self._next_message,
            "from": self.user,
            "chat": chat,
            "date": int(time.time()),
            "text": text,
        }
        if chat["type"] == "channel":
            message["sender_chat"] = chat
            del message["from"]
        if entities:
            message["entities"] = [entity.json() for entity in entities]
        if fields.get("message_thread_id") is not None:
            message["message_thread_id"] = _integer(fields["message_thread_id"])
            message["is_topic_message"] = True
        if markup is not None:
            message["reply_markup"] = markup
        self._next_message += 1
        self.messages[(chat["id"], message["message_id"])] = message
        return message

    def method_editmessagetext(self, fields: dict):
        chat = self._chat(fields)
        identifier = _integer(fields.get("message_id") or 0)
        text, entities = self._text(fields)
        markup = self._markup(fields)
        message = self.messages.get((chat["id"], identifier))
        if message is None:
            raise bad_request("message to edit not found")
        encoded = [entity.json() for entity in entities]
        if (text, encoded, markup) == (message["text"], message.get("entities", []), message.get("reply_markup")):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        edited = {**message, "text": text, "edit_date": int(time.time())}
        for name, value in (("entities", encoded), ("reply_markup", markup)):
            edited.pop(name, None)
            if value:
                edited[name] = value
        self.messages[(chat["id"], identifier)] = edited
        return edited

    async def method_getupdates(self, fields: dict):
        if self._poller is not None and not self._poller.done():
            self._poller.set_exception(APIError(*NAMED_ERRORS["conflict"]))
        offset = _integer(fields.get("offset") or 0)
        limit = max(1, min(_integer(fields.get("limit") or UPDATES_MAX), UPDATES_MAX))
        timeout = max(0, min(_integer(fields.get("timeout") or 0), POLL_SECONDS_MAX))
        if offset < 0:
            self._updates = self._updates[offset:]
        else:
            self._updates = [update for update in self._updates if update["update_id"] >= offset]
        deadline = time.monotonic() + timeout
        while not self._updates and time.monotonic() < deadline:
            self._poller = asyncio.get_running_loop().create_future()
            done, _ = await asyncio.wait([self._poller], timeout=deadline - time.monotonic())
            for future in done:
                future.result()
        return self._updates[:limit]

    def add_update(self, order: dict) -> dict:
        """Makes the bot receive something: a whole update, or a message by `text`, `chat` and `from`."""
        kinds = {"message", "my_chat_member", "channel_post", "callback_query", "edited_message"}
        if not order.keys() & kinds:
            chat = order.get("chat", 1001)
            chat = chat if isinstance(chat, dict) else {"id": chat, "type": _chat_type(chat)}
            sender = {"id": abs(chat["id"]), "is_bot": False, "first_name": "Tester", **order.get("from", {})}
            text = order["text"]
            message = {"message_id": self._next_message, "date": int(time.time()), "chat": chat, "text": text}
            self._next_message += 1
            if chat["type"] == "channel":
                order = {"channel_post": message}
            else:
                order = {"message": {**message, "from": sender}}
            command = re.match(r"/\w+(@\w+)?", text)
            if command:
                message_part = next(iter(order.values()))
                message_part["entities"] = [{"type": "bot_command", "offset": 0, "length": command.end()}]
        update = {"update_id": self._next_update, **order}
        self._next_update += 1
        self._updates.append(update)
        if self._poller is not None and not self._poller.done():
            self._poller.set_result(None)
        return update

    # -------------------------------------------------------------- checks

    def _chat(self, fields: dict) -> dict:
        identifier = fields.get("chat_id")
        if identifier is None or identifier == "":
            raise bad_request("chat_id is empty")
        if isinstance(identifier, (bool, dict, list)):
            raise bad_request("chat_id must be a number or a string")
        value = str(identifier).strip()
        if re.fullmatch(r"-?\d+", value):
            number = int(value)
            if number == 0 or abs(number) >= 2**52 or (self.known_chats is not None and number not in self.known_chats):
                raise bad_request("chat not found")
            chat = {"id": number, "type": _chat_type(number)}
            return chat | ({"first_name": f"User {number}"} if number > 0 else {"title": f"Chat {number}"})
        if re.fullmatch(r"@[A-Za-z][A-Za-z0-9_]{3,31}", value):
            # Always the same made-up channel for one name.
            number = -1000000000000 - int.from_bytes(value.lower().encode()[-6:], "big") % 10**10
            return {"id": number, "type": "channel", "title": value[1:], "username": value[1:]}
        raise bad_request("chat not found")

    def _text(self, fields: dict) -> tuple[str, list[Entity]]:
        source = fields.get("text")
        if source is None or source == "":
            raise bad_request("message text is empty")
        source = source if isinstance(source, str) else json.dumps(source)
        source = source.replace("\r\n", "\n").replace("\x00", "")
        mode = fields.get("parse_mode") or None
        modes = {"html": "HTML", "markdown": "Markdown", "markdownv2": "MarkdownV2"}
        if mode is not None and (not isinstance(mode, str) or mode.lower() not in modes):
            raise bad_request("unsupported parse_mode")
        try:
            if mode is None and fields.get("entities"):
                text, entities = trimmed(source, self._given_entities(_nested(fields["entities"]), source))
            else:
                text, entities = parse(source, mode and modes[mode.lower()])
        except MarkupError as error:
            raise bad_request(f"can't parse entities: {error}") from error
        if not text:
            raise bad_request("message text is empty")
        if utf16_length(text) > TEXT_LENGTH_MAX:
            raise bad_request("message is too long")
        return text, entities

    def _given_entities(self, given, source: str) -> list[Entity]:
        if not isinstance(given, list):
            raise MarkupError("expected an Array of MessageEntity")
        entities = []
        size = utf16_length(source)
        for item in given:
            if not isinstance(item, dict) or item.get("type") not in ENTITY_TYPES:
                raise MarkupError("unsupported type of MessageEntity specified")
            offset, length = _integer(item.get("offset", 0)), _integer(item.get("length", 0))
            if offset < 0 or length <= 0 or offset + length > size:
                continue
            details = {key: value for key, value in item.items() if key not in ("type", "offset", "length")}
            if item["type"] == "text_link":
                details["url"] = checked_link(str(item.get("url", "")))
                if details["url"] is None:
                    continue
            entities.append(Entity(item["type"], offset, length, details))
        return entities

    def _markup(self, fields: dict) -> dict | None:
        markup = fields.get("reply_markup")
        if markup is None or markup == "":
            return None
        markup = _nested(markup)
        if not isinstance(markup, dict):
            raise bad_request("object expected as reply markup")
        if "inline_keyboard" not in markup:
            return None
        rows = markup["inline_keyboard"]
        if not isinstance(rows, list):
            raise bad_request('field "inline_keyboard" must be of type Array')
        for row in rows:
            if not isinstance(row, list):
                raise bad_request('field "inline_keyboard" must be an Array of Arrays')
            for button in row:
                self._check_button(button)
        if len(json.dumps(markup, ensure_ascii=False).encode()) > MARKUP_BYTES_MAX:
            raise bad_request("reply markup is too long")
        rows = [row for row in rows if row]
        return {"inline_keyboard": rows} if rows else None

    def _check_button(self, button) -> None:
        def refuse(reason: str) -> None:
            raise bad_request(f"can't parse inline keyboard button: {reason}")

        if not isinstance(button, dict):
            refuse("InlineKeyboardButton must be an Object")
        text = button.get("text")
        if "text" not in button:
            refuse('Can\'t find field "text"')
        if not isinstance(text, str):
            refuse('Field "text" must be of type String')
        if not text.strip():
            raise bad_request("inline keyboard button text must be non-empty")
        actions = BUTTON_ACTIONS & button.keys()
        if not actions:
            raise bad_request("text buttons are unallowed in the inline keyboard")
        if len(actions) > 1:
            refuse("exactly one of the optional fields must be used")
        if "url" in button and checked_link(str(button["url"])) is None:
            raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
        if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= CALLBACK_BYTES_MAX:
            raise bad_request("BUTTON_DATA_INVALID")
        if "copy_text" in button:
            copied = button["copy_text"].get("text") if isinstance(button["copy_text"], dict) else None
            if not isinstance(copied, str) or not 1 <= len(copied) <= COPY_LENGTH_MAX:
                raise bad_request("BUTTON_COPY_TEXT_INVALID")

    def _check_options(self, fields: dict) -> None:
        thread = fields.get("message_thread_id")
        if thread is not None and _integer(thread) <= 1:
            raise bad_request("message thread not found")
        preview = fields.get("link_preview_options")
        if preview is not None and not isinstance(_nested(preview), dict):
            raise bad_request("object expected as link preview options")
        reply = fields.get("reply_parameters")
        if reply is not None and not isinstance(_nested(reply), dict):
            raise bad_request("object expected as reply parameters")


def _chat_type(number: int) -> str:
    if number > 0:
        return "private"
    return "supergroup" if number <= -1000000000000 else "group"


def _integer(value) -> int:
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise bad_request("an integer parameter has a value that is no integer") from None


def _nested(value):
    """An object parameter: given as such, or as its JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad_request("can't parse a JSON-serialized parameter") from None


class TelegramReceiver:
    def __init__(self, bots: list[Bot], ledger: Ledger) -> None:
        self.bots = {bot.token: bot for bot in bots}
        self.ledger = ledger

    async def handle(self, request: Request) -> bytes | None:
        path = request.path
        if path.startswith("/bot"):
            return await self._bot_call(path, request)
        if request.method == "GET" and path == "/ledger":
            return response(200, await self.ledger.entries_json(request.query))
        if request.method == "GET" and path == "/count":
            return response(200, await self.ledger.count_json(request.query))
        if request.method == "POST" and path in ("/behave", "/updates"):
            return self._control(path, request)
        return json_response({"ok": False, "error_code": 404, "description": "Not Found"}, 404)

    def _control(self, path: str, request: Request) -> bytes:
        try:
            order = request.json()
            bot = self.bots[order.pop("token", next(iter(self.bots)))]
            if path == "/behave":
                bot.behave(order)
                return json_response({"ok": True})
            return json_response(bot.add_update(order))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return json_response({"error": f"{type(error).__name__}: {error}"}, 400)

    async def _bot_call(self, path: str, request: Request) -> bytes | None:
        token, _, method = path.removeprefix("/bot").partition("/")
        entry = {"kind": "telegram", "method": method, **arrival()}
        step: dict = {}
        try:
            if not re.fullmatch(r"\d{1,15}:[A-Za-z0-9_-]{3,100}", token):
                raise APIError(401, "Unauthorized: invalid token specified")
            bot = self.bots.get(token)
            if bot is None:
                raise APIError(401, "Unauthorized")
            name = method.lower()
            handler = getattr(bot, f"method_{name}", None)
            if handler is None and name not in ACKNOWLEDGED:
                raise APIError(404, "Not Found")
            fields = self._fields(request)
            if name in ("sendmessage", "editmessagetext"):
                entry.update(_recorded(fields))
                step = await self._scripted(bot, fields)
                if step.keys() & {"drop", "hang"}:
                    return await self._break_off(step, entry, request)
            result = handler(fields) if handler else True
            if asyncio.iscoroutine(result):
                result = await result
        except APIError as error:
            return self._failed(error, entry, method.lower())
        if method.lower() in ("sendmessage", "editmessagetext"):
            entry.update(
                ok=True,
                status=200,
                chat_id=result["chat"]["id"],
                message_id=result["message_id"],
                text=result["text"],
                entities=result.get("entities", []),
                reply_markup=result.get("reply_markup"),
            )
            self.ledger.append(entry)
            if step.get("lose"):
                # The message was sent, but its sender never learns of it.
                request.transport.abort()
                return None
        return json_response({"ok": True, "result": result})

    def _failed(self, error: APIError, entry: dict, method: str) -> bytes:
        if method in ("sendmessage", "editmessagetext"):
            entry.update(ok=False, status=error.code, error=error.description, parameters=error.parameters or None)
            self.ledger.append(entry)
        body = {"ok": False, "error_code": error.code, "description": error.description}
        headers = {}
        if error.parameters:
            body["parameters"] = error.parameters
        if "retry_after" in error.parameters:
            headers["retry-after"] = error.parameters["retry_after"]
        return json_response(body, error.code, headers)

    async def _scripted(self, bot: Bot, fields: dict) -> dict:
        """Performs the chat's next scripted step; what it returns still has to be acted on."""
        chat = bot._chat(fields)
        step = bot.next_step(chat["id"])
        if step.get("delay"):
            await asyncio.sleep(float(step["delay"]))
        if "error" in step:
            raise named_error(step)
        if "status" in step:
            parameters = step.get("parameters") or {}
            raise APIError(int(step["status"]), step.get("description", "Scripted"), **parameters)
        if bot.flood is not None:
            bot.flood.check(chat["id"])
        return step

    async def _break_off(self, step: dict, entry: dict, request: Request) -> None:
        entry.update(ok=False, status=None, error="connection dropped as scripted")
        self.ledger.append(entry)
        if step.get("hang"):
            await asyncio.sleep(3600)
        request.transport.abort()

    def _fields(self, request: Request) -> dict:
        fields: dict = dict(request.query)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not request.body:
            return fields
        if kind == "application/json":
            try:
                body = json.loads(request.body)
            except ValueError:
                raise bad_request("can't parse JSON object") from None
            if not isinstance(body, dict):
                raise bad_request("can't parse JSON object")
            fields.update(body)
        elif kind == "application/x-www-form-urlencoded":
            form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            fields.update((name, values[-1]) for name, values in form.items())
        else:
            raise bad_request("unsupported content type")
        return fields


def _recorded(fields: dict) -> dict:
    """What the ledger keeps of a request, whatever becomes of it."""
    return {
        "chat_id": fields.get("chat_id"),
        "source": fields.get("text"),
        "parse_mode": fields.get("parse_mode"),
        "message_thread_id": fields.get("message_thread_id"),
        "fields": fields,
    }


async def serve() -> None:
    options = parser(__doc__)
    options.add_argument("--token", action="append", help=f"a bot's token; repeatable, {TOKEN} if absent")
    options.add_argument("--flood", action="store_true", help="enforce Telegram's published rate limits")
    options.add_argument("--chat", type=int, action="append", help="a chat that exists; repeatable, any if absent")
    chosen = options.parse_args()
    ledger = Ledger(chosen.ledger)
    flood = Flood() if chosen.flood else None
    chats = set(chosen.chat) if chosen.chat else None
    tokens = chosen.token or [TOKEN]
    receiver = TelegramReceiver([Bot(token, ledger, flood, chats) for token in tokens], ledger)
    server = await listen(receiver.handle, chosen.host, chosen.port)
    await until_stopped(server, {"url": base_url(chosen.host, server.port), "token": tokens[0]})


if __name__ == "__main__":
    main("telegram", serve())
