"""Telegram's three markups: what they mean, and the errors they give.

Positions in errors are byte offsets into the UTF-8 source, offsets and lengths of entities count UTF-16 units, as in
the Bot API.
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit


class MarkupError(ValueError):
    """Why a text could not be parsed; the server puts "can't parse entities: " in front."""


class Entity(NamedTuple):
    type: str
    offset: int
    length: int
    details: dict

    def json(self) -> dict:
        return {"type": self.type, "offset": self.offset, "length": self.length, **self.details}


class Open(NamedTuple):
    """An entity whose end has not come yet. `place` is a byte offset, `offset` counts UTF-16 units."""

    name: str
    type: str | None
    place: int
    offset: int
    details: dict


def utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def parse(source: str, mode: str | None) -> tuple[str, list[Entity]]:
    """The visible text and its entities, outermost first."""
    if mode == "HTML":
        text, entities = _HTML(source).parse()
    elif mode == "MarkdownV2":
        text, entities = _MarkdownV2(source).parse()
    elif mode == "Markdown":
        text, entities = _markdown(source)
    else:
        text, entities = source, []
    return trimmed(text, entities)


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without blanks at either end, and without entities that became empty."""
    stripped = text.lstrip()
    shift = utf16_length(text) - utf16_length(stripped)
    stripped = stripped.rstrip()
    size = utf16_length(stripped)
    kept = []
    for entity in entities:
        start = max(0, entity.offset - shift)
        end = min(size, entity.offset - shift + entity.length)
        if end > start:
            kept.append(entity._replace(offset=start, length=end - start))
    kept.sort(key=lambda entity: (entity.offset, -entity.length))
    return stripped, kept


_LINK = re.compile(r"^(https?|tg|ton|tonsite)://", re.IGNORECASE)


def checked_link(url: str) -> str | None:
    """The link as Telegram stores it, `None` when it is none."""
    url = url.strip()
    if not url or any(character in url for character in "\n\r\t \x00"):
        return None
    if not _LINK.match(url):
        if re.match(r"^[a-z][a-z0-9+.-]*:", url, re.IGNORECASE) and not re.match(r"^[^/]*:\d+(/|$)", url):
            return None
        url = "http://" + url
    scheme = url.partition("://")[0].lower()
    if scheme in ("tg", "ton", "tonsite"):
        return url
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port
    except ValueError:
        return None
    if host.startswith("[") or ":" in host:
        return url
    labels = host.split(".")
    if len(labels) < 2 or not all(labels) or not re.match(r"^[^\s/?#@]+$", host):
        return None
    if not re.search(r"[^\W\d_]|\d", labels[-1]):
        return None
    return url if parts.path else url + "/"


class _Output:
    """The visible text as it grows."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.size += utf16_length(text)

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def since(self, offset: int) -> str:
        encoded = self.text.encode("utf-16-le", "surrogatepass")
        return encoded[2 * offset :].decode("utf-16-le", "surrogatepass")


_SIMPLE_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
}
_OTHER_TAGS = {"a", "span", "blockquote", "tg-emoji", "tg-time"}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_SPACES = b" \t\r\n\x00\x0b"


class _HTML:
    def __init__(self, source: str) -> None:
        self._bytes = source.encode("utf-8", "surrogatepass")
        self._position = 0
        self._output = _Output()
        self._open: list[Open] = []
        self._entities: list[Entity] = []

    def parse(self) -> tuple[str, list[Entity]]:
        data = self._bytes
        while self._position < len(data):
            byte = data[self._position]
            if byte == ord("<"):
                place = self._position
                self._position += 1
                if data[self._position : self._position + 1] == b"/":
                    self._position += 1
                    self._end_tag(place)
                else:
                    self._start_tag(place)
            elif byte == ord("&"):
                self._output.add(self._reference())
            else:
                end = self._position
                while end < len(data) and data[end] not in b"<&":
                    end += 1
                self._output.add(data[self._position : end].decode("utf-8", "surrogatepass"))
                self._position = end
        if self._open:
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"')
        return self._output.text, self._entities

    def _reference(self) -> str:
        """A character reference, or the ampersand itself when it is none."""
        match = re.compile(rb"&(?:#x([0-9a-fA-F]+)|#([0-9]+)|([a-z]+));?").match(self._bytes, self._position)
        if match:
            hexadecimal, decimal, name = match.groups()
            character = None
            if name:
                character = _NAMED.get(name.decode())
            else:
                code = int(hexadecimal, 16) if hexadecimal else int(decimal)
                if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:
                    character = chr(code)
            if character is not None:
                self._position = match.end()
                return character
        self._position += 1
        return "&"

    def _name(self, stops: bytes) -> str:
        start = self._position
        while self._position < len(self._bytes) and self._bytes[self._position] not in stops:
            self._position += 1
        return self._bytes[start : self._position].decode("utf-8", "replace")

    def _skip_spaces(self) -> None:
        while self._position < len(self._bytes) and self._bytes[self._position] in _SPACES:
            self._position += 1

    def _at_end(self) -> bool:
        return self._position >= len(self._bytes)

    def _start_tag(self, place: int) -> None:
        name = self._name(_SPACES + b">").lower()
        if self._at_end():
            raise MarkupError(f"Unclosed start tag at byte offset {place}")
        if name not in _SIMPLE_TAGS and name not in _OTHER_TAGS:
            raise MarkupError(f'Unsupported start tag "{name}" at byte offset {place}')
        attributes: dict[str, str] = {}
        while self._bytes[self._position] != ord(">"):
            self._skip_spaces()
            if self._at_end():
                raise MarkupError(f'Unclosed start tag "{name}" at byte offset {place}')
            if self._bytes[self._position] == ord(">"):
                break
            attributes.update([self._attribute(name, place)])
            if self._at_end():
                raise MarkupError(f'Unclosed start tag "{name}" at byte offset {place}')
        self._position += 1
        entity_type, details = self._meaning(name, attributes, place)
        self._open.append(Open(name, entity_type, place, self._output.size, details))

    def _attribute(self, tag: str, place: int) -> tuple[str, str]:
        name = self._name(_SPACES + b"=>/\"'").lower()
        if not name:
            raise MarkupError(f'Empty attribute name in the tag "{tag}" at byte offset {place}')
        self._skip_spaces()
        if self._bytes[self._position : self._position + 1] != b"=":
            if tag == "blockquote" and name == "expandable":
                return name, ""
            raise MarkupError(
                f'Expected equal sign in declaration of an attribute of the tag "{tag}" at byte offset {place}'
            )
        self._position += 1
        self._skip_spaces()
        if self._at_end():
            raise MarkupError(f'Unclosed start tag "{tag}" at byte offset {place}')
        quote = self._bytes[self._position]
        if quote not in b"\"'":
            value = self._name(_SPACES + b">")
            return name, value
        end = self._bytes.find(bytes((quote,)), self._position + 1)
        if end < 0:
            raise MarkupError(f'Unclosed start tag "{tag}" at byte offset {place}')
        parts = []
        self._position += 1
        while self._position < end:
            if self._bytes[self._position] == ord("&"):
                parts.append(self._reference().encode())
            else:
                parts.append(self._bytes[self._position : self._position + 1])
                self._position += 1
        self._position = end + 1
        return name, b"".join(parts).decode("utf-8", "replace")

    def _meaning(self, name: str, attributes: dict[str, str], place: int) -> tuple[str | None, dict]:
        """The entity a tag opens; `None` when it has no effect."""
        if name == "a":
            return "text_link", {"url": attributes.get("href")}
        if name == "span":
            if attributes.get("class") != "tg-spoiler":
                raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {place}')
            return "spoiler", {}
        if name == "blockquote":
            return ("expandable_blockquote" if "expandable" in attributes else "blockquote"), {}
        if name == "tg-emoji":
            identifier = attributes.get("emoji-id", "")
            if not identifier.isdigit():
                raise MarkupError("Invalid custom emoji identifier specified")
            return "custom_emoji", {"custom_emoji_id": identifier}
        if name == "tg-time":
            if not attributes.get("unix", "").lstrip("-").isdigit():
                raise MarkupError("Invalid date specified")
            return "date_time", {"unix_time": int(attributes["unix"])}
        if name == "code":
            language = attributes.get("class", "")
            parent = self._open[-1] if self._open else None
            if parent and parent.name == "pre" and parent.offset == self._output.size:
                if language.startswith("language-"):
                    return "pre_language", {"language": language.removeprefix("language-")}
            return "code", {}
        return _SIMPLE_TAGS[name], {}

    def _end_tag(self, place: int) -> None:
        if not self._open:
            raise MarkupError(f"Unexpected end tag at byte offset {place}")
        name = self._name(_SPACES + b">").lower()
        self._skip_spaces()
        if self._at_end() or self._bytes[self._position] != ord(">"):
            raise MarkupError(f"Unclosed end tag at byte offset {place}")
        self._position += 1
        opened = self._open.pop()
        if name and name != opened.name:
            raise MarkupError(
                f'Unmatched end tag at byte offset {place}, expected "</{opened.name}>", found "</{name}>"'
            )
        length = self._output.size - opened.offset
        if not length or opened.type is None:
            return
        details = opened.details
        if opened.type == "text_link":
            url = checked_link(details["url"] if details["url"] is not None else self._output.since(opened.offset))
            if url is None:
                return
            details = {"url": url}
        if opened.type == "pre":
            # `<pre><code class="language-x">` is one entity when the code fills the pre.
            for index, entity in enumerate(self._entities):
                if entity.type == "pre_language" and entity.offset == opened.offset:
                    if entity.length == length:
                        details = entity.details
                    del self._entities[index]
                    break
        self._entities.append(Entity(opened.type, opened.offset, length, details))


_RESERVED = "_*[]()~`>#+-=|{}.!"
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}


class _MarkdownV2:
    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._output = _Output()
        self._open: list[Open] = []
        self._entities: list[Entity] = []
        self._quote: Open | None = None
        self._line_start = 0

    def parse(self) -> tuple[str, list[Entity]]:
        source = self._source
        while self._position < len(source):
            character = source[self._position]
            following = source[self._position + 1 : self._position + 2]
            if character == "\\" and following and 1 <= ord(following) <= 126:
                self._output.add(following)
                self._position += 2
            elif character == "\n":
                self._newline()
            elif character not in _RESERVED or (self._within_code() and character != "`"):
                self._output.add(character)
                self._position += 1
            elif self._ends(character, following):
                self._end()
            else:
                self._begin(character, following)
        if self._open:
            self._unended(self._open[-1])
        self._end_quote(False)
        return self._output.text, self._entities

    def _place(self, position: int) -> int:
        """The byte offset of a position."""
        return len(self._source[:position].encode("utf-8", "surrogatepass"))

    def _unended(self, opened: Open) -> None:
        raise MarkupError(f"Can't find end of {_NAMES[opened.type]} entity at byte offset {opened.place}")

    def _within_code(self) -> bool:
        return bool(self._open) and self._open[-1].type in ("code", "pre")

    def _ends(self, character: str, following: str) -> bool:
        if not self._open:
            return False
        kind = self._open[-1].type
        if kind in ("italic", "underline"):
            return character == "_" and (following == "_") == (kind == "underline")
        if kind == "spoiler":
            return character == "|" and following == "|"
        if kind == "pre":
            return self._source.startswith("```", self._position)
        return character == {
            "bold": "*",
            "strikethrough": "~",
            "code": "`",
            "text_link": "]",
            "custom_emoji": "]",
        }.get(kind)

    def _begin(self, character: str, following: str) -> None:
        kind = {"*": "bold", "_": "italic", "~": "strikethrough", "[": "text_link"}.get(character)
        size = 1
        details: dict = {}
        if character == "_" and following == "_":
            kind, size = "underline", 2
        elif character == "|" and following == "|":
            if self._quote is not None and self._quote_ends_at(self._position + 2):
                self._position += 2
                self._end_quote(True)
                return
            kind, size = "spoiler", 2
        elif character == "!" and following == "[":
            kind, size = "custom_emoji", 2
        elif character == "`":
            kind = "code"
            if self._source.startswith("```", self._position):
                kind, size, details = self._pre()
        elif character == ">" and self._output.size == self._line_start and not self._open and self._quote is None:
            self._quote = Open("", "blockquote", self._place(self._position), self._output.size, {})
            self._position += 1
            return
        if kind is None:
            raise MarkupError(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        self._open.append(Open("", kind, self._place(self._position), self._output.size, details))
        self._position += size

    def _pre(self) -> tuple[str, int, dict]:
        """Skips the language, when the first line is nothing else."""
        start = self._position + 3
        end = start
        while end < len(self._source) and self._source[end] not in " \t\r\n`":
            end += 1
        details = {}
        if end > start and self._source[end : end + 1] in ("\n", "\r"):
            details = {"language": self._source[start:end]}
            start = end
        if self._source[start : start + 2] in ("\r\n", "\n\r"):
            start += 2
        elif self._source[start : start + 1] in ("\n", "\r"):
            start += 1
        return "pre", start - self._position, details

    def _end(self) -> None:
        opened = self._open.pop()
        kind = opened.type
        self._position += {"underline": 2, "spoiler": 2, "pre": 3}.get(kind, 1)
        details = opened.details
        if kind in ("text_link", "custom_emoji"):
            url = self._url()
            if kind == "text_link":
                link = checked_link(url if url is not None else self._output.since(opened.offset))
                if link is None:
                    return
                details = {"url": link}
            else:
                match = re.fullmatch(r"tg://emoji\?id=(\d+)", url or "")
                if match is None:
                    raise MarkupError("Custom emoji entity must contain a tg://emoji URL")
                details = {"custom_emoji_id": match[1]}
        length = self._output.size - opened.offset
        if length:
            self._entities.append(Entity(kind, opened.offset, length, details))

    def _url(self) -> str | None:
        """The parenthesis after a bracket, if there is one."""
        if self._source[self._position : self._position + 1] != "(":
            return None
        place = self._place(self._position)
        self._position += 1
        characters = []
        while self._position < len(self._source):
            character = self._source[self._position]
            if character == ")":
                self._position += 1
                return "".join(characters)
            following = self._source[self._position + 1 : self._position + 2]
            if character == "\\" and following and 1 <= ord(following) <= 126:
                character = following
                self._position += 1
            characters.append(character)
            self._position += 1
        raise MarkupError(f"Can't find end of a URL at byte offset {place}")

    def _newline(self) -> None:
        following = self._source[self._position + 1 : self._position + 2]
        if self._quote is not None and not self._within_code():
            if self._open and following != ">":
                self._unended(self._open[-1])
            if following == ">":
                self._output.add("\n")
                self._position += 2
                return
            self._end_quote(False)
        self._output.add("\n")
        self._position += 1
        self._line_start = self._output.size

    def _quote_ends_at(self, position: int) -> bool:
        """Whether the quote's last line ends here."""
        rest = self._source[position : position + 2]
        return not self._open and (not rest or (rest[0] == "\n" and rest[1:] != ">"))

    def _end_quote(self, is_expandable: bool) -> None:
        if self._quote is None:
            return
        length = self._output.size - self._quote.offset
        if length:
            kind = "expandable_blockquote" if is_expandable else "blockquote"
            self._entities.append(Entity(kind, self._quote.offset, length, {}))
        self._quote = None


def _markdown(source: str) -> tuple[str, list[Entity]]:
    """The legacy mode: four markers, no nesting, a backslash escapes those markers only."""
    output = _Output()
    entities = []
    position = 0

    def place(index: int) -> int:
        return len(source[:index].encode("utf-8", "surrogatepass"))

    while position < len(source):
        character = source[position]
        if character == "\\" and source[position + 1 : position + 2] in tuple("_*`["):
            output.add(source[position + 1])
            position += 2
            continue
        if character not in "_*`[":
            output.add(character)
            position += 1
            continue
        start = position
        kind, marker = {"_": ("italic", "_"), "*": ("bold", "*"), "[": ("text_link", "]")}.get(character, ("code", "`"))
        size = 1
        if source.startswith("```", position):
            kind, marker, size = "pre", "```", 3
        end = source.find(marker, position + size)
        if end < 0:
            raise MarkupError(f"Can't find end of the entity starting at byte offset {place(start)}")
        content = source[position + size : end]
        position = end + len(marker)
        details = {}
        if kind == "text_link":
            if source[position : position + 1] == "(":
                close = source.find(")", position)
                if close < 0:
                    raise MarkupError(f"Can't find end of the entity starting at byte offset {place(start)}")
                details = {"url": checked_link(source[position + 1 : close])}
                position = close + 1
            if not details.get("url"):
                kind = None
        offset = output.size
        output.add(content)
        if kind and output.size > offset:
            entities.append(Entity(kind, offset, output.size - offset, details))
    return output.text, entities
