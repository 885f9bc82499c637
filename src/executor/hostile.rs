//! What a hostile agent prints to take over a terminal: the test material of every display.
//!
//! Must hold nothing but bytes; whoever shows them must come through unharmed.

/// Returns the payloads, each of which a display must show as harmless text or not at all.
#[must_use]
pub fn payloads() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        // Clipboard, read and write.
        &b"\x1b]52;c;cm0gLXJmIC8K\x07"[..],
        b"\x1b]52;c;?\x07",
        // Window title, and the report of it, which comes back as typed text.
        b"\x1b]0;rm -rf /\x07\x1b[21t",
        b"\x1b]2;owned\x1b\\",
        // A link that shows another target than it has.
        b"\x1b]8;;http://attacker.invalid/\x1b\\https://safe.invalid\x1b]8;;\x1b\\\n",
        // Notifications, working folder, shell marks, files.
        b"\x1b]9;pwned\x07\x1b]777;notify;a;b\x07\x1b]7;file:///etc\x07\x1b]133;A\x07",
        b"\x1b]1337;File=name=eA==;inline=1:AAAA\x07",
        // Colours of the terminal, changed and asked for.
        b"\x1b]4;1;#000000\x07\x1b]10;?\x07\x1b]11;#ffffff\x07",
        // Alternate screen, mouse, bracketed paste, focus, keyboard protocol.
        b"\x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[?1004h\x1b[>1u",
        // Clear everything, scroll back too; move; scroll region; hide the cursor; big letters.
        b"\x1b[2J\x1b[3J\x1b[H\x1b[1;1r\x1b[?25l\x1b#8\x1b[999;999H",
        // Questions whose answers are typed into our input.
        b"\x1b[c\x1b[6n\x1b[>q\x1b[?u\x1bZ\x05",
        // Reset, character sets, keypad.
        b"\x1bc\x1b(0lqqk\x1b(B\x0elqk\x0f\x1b=\x1b>",
        // Graphics: sixel and kitty.
        b"\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\\x1b_Ga=T,f=24,s=1,v=1;AAAA\x1b\\",
        // Overwriting what stands there: carriage return, backspace, up.
        b"tests: 1 failed\rtests: passed  \n",
        b"denied\x08\x08\x08\x08\x08\x08allow \n\x1b[1A\x1b[2Kverdict: safe\n",
        // Invisible and black text.
        b"\x1b[8mhidden\x1b[0m\x1b[30;40mblack\x1b[0m\n",
        // C1 controls, as single bytes and as UTF-8.
        b"\x9b2J\x9d0;t\x9c\x90q\x9c\x84\x85\x8d\n",
        "\u{9b}2J\u{9d}0;title\u{9c}\n".as_bytes(),
        // Bidi override and isolates, zero width, tags, a soft hyphen, line separators.
        "access \u{202e}deined\u{202c} \u{2066}x\u{2069} a\u{200b}b\u{feff}c \u{e0041}\u{e0042} d\u{ad}e\u{2028}f\u{2029}\n"
            .as_bytes(),
        // A pile of combining marks, and wide characters.
        "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} 漢字\n"
            .as_bytes(),
        // Broken UTF-8, NUL, DEL, bell.
        b"\xff\xfe\xc0\xaf\xed\xa0\x80\x00\x7f\x07\n",
        // Parameters without end.
        b"\x1b[99999999999999999999;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m\n",
        // A line that looks like our own journal or a log of ours.
        b"{\"seq\":1,\"kind\":\"run.finished\",\"priority\":\"critical\"}\n",
    ]
    .iter()
    .map(|p| p.to_vec())
    .collect();
    // A line without an end in sight.
    all.push([vec![b'A'; 100_000], b"\n".to_vec()].concat());
    // Last, for it swallows what follows: strings that never end.
    all.push(b"\x1b]0;unterminated title ".to_vec());
    all.push(b"\x1bPunterminated device string\n".to_vec());
    all.push(b"after the hostile part\n".to_vec());
    all
}
