"""
What Redis writes to its append-only file.
"""

#: What only frames the commands of a step.
_FRAMES = (b"MULTI", b"EXEC", b"SELECT")


def commands(text: bytes) -> list[list[bytes]]:
    """Those of an AOF, but for the frames of steps. One that is cut at the end is left out."""
    found, at = [], 0

    def number() -> int:
        nonlocal at
        end = text.index(b"\r\n", at)
        line, at = text[at:end], end + 2
        return int(line[1:])

    while at < len(text):
        words = []
        try:
            for _ in range(number()):
                size = number()
                words.append(text[at : at + size])
                at += size + 2
        except ValueError:
            break
        if at <= len(text):
            found.append(words)
    return [words for words in found if words[0].upper() not in _FRAMES]


def half(text: bytes) -> list[list[bytes]]:
    """The commands of the step that it ends in; none if its last step is whole."""
    begun, ended = text.rfind(b"\r\nMULTI\r\n"), text.rfind(b"\r\nEXEC\r\n")
    if begun <= ended or (first := text.find(b"*", begun)) < 0:
        return []
    return commands(text[first:])
