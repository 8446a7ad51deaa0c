//! Bytes out of a hexadecimal dump whose layout nobody published: offsets, colons and the text column are put up with.

/// The bytes of a dump, as far as its lines can be read. Whoever uses them verifies them.
pub fn bytes_of(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| of_line(line)).collect()
}

fn of_line(line: &str) -> Vec<u8> {
    // The text column stands behind a bar, or behind a gap of several blanks.
    let line = line.split('|').next().unwrap_or_default();
    // The offset ends with a colon, or is the first, longer word.
    let rest = match line.split_once(':') {
        Some((offset, rest)) if is_hex(offset.trim()) => rest,
        _ => {
            let trimmed = line.trim_start();
            let first = trimmed.split_whitespace().next().unwrap_or_default();
            // An offset is longer than the words of the dump.
            let second = trimmed.split_whitespace().nth(1).unwrap_or_default();
            let gap = trimmed.strip_prefix(first).is_some_and(|rest| rest.starts_with("  "));
            if is_hex(first) && first.len() >= 6 && (second.len() < first.len() || gap) {
                trimmed.strip_prefix(first).unwrap_or_default()
            } else {
                trimmed
            }
        }
    };
    let mut bytes = Vec::new();
    for group in rest.trim_start().split("   ").take(1) {
        for word in group.split_whitespace() {
            if !is_hex(word) || word.len() % 2 != 0 {
                return bytes;
            }
            let pairs = word.as_bytes().chunks(2).filter_map(|p| std::str::from_utf8(p).ok());
            bytes.extend(pairs.filter_map(|p| u8::from_str_radix(p, 16).ok()));
        }
    }
    bytes
}

fn is_hex(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::bytes_of;

    #[test]
    fn dumps_of_several_layouts_give_the_same_bytes() {
        let expected: Vec<u8> = (0..32).chain(b"CTLFile.tlv".iter().copied()).collect();
        let hex = |chunk: &[u8], between: usize| -> String {
            let pairs: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
            pairs.chunks(between).map(|c| c.concat()).collect::<Vec<_>>().join(" ")
        };
        for between in [1, 2, 4] {
            for layout in 0..4 {
                let lines: Vec<String> = expected
                    .chunks(16)
                    .enumerate()
                    .map(|(row, chunk)| {
                        let words = hex(chunk, between);
                        match layout {
                            0 => format!("{:08x}  {words:<48} |................|", row * 16),
                            1 => format!("{:07x}: {words}", row * 16),
                            2 => format!("0x{:04x}: {words}", row * 16).replace("0x", ""),
                            _ => words,
                        }
                    })
                    .collect();
                assert_eq!(bytes_of(&lines), expected, "layout {layout}, words of {between}: {lines:#?}");
            }
        }
    }
}
