//! The packets of TFTP, as bytes.

/// A packet that a server sends; its blocks are counted from 1, modulo 65536.
#[allow(missing_docs, reason = "the fields are described above")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A block of the file.
    Data { block: u16, data: Vec<u8> },
    /// The options that the server agrees to, names in lower case.
    Options(Vec<(String, String)>),
    /// A refusal.
    Error { code: u16, says: String },
}

impl Packet {
    /// Decodes a packet; `None` if it is not one that a server sends.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (opcode, rest) = bytes.split_first_chunk::<2>()?;
        match u16::from_be_bytes(*opcode) {
            3 => {
                let (block, data) = rest.split_first_chunk::<2>()?;
                Some(Packet::Data { block: u16::from_be_bytes(*block), data: data.to_vec() })
            }
            5 => {
                let (code, says) = rest.split_first_chunk::<2>()?;
                let says = says.split(|b| *b == 0).next().unwrap_or_default();
                let says = String::from_utf8_lossy(says).chars().filter(|c| !c.is_control()).collect();
                Some(Packet::Error { code: u16::from_be_bytes(*code), says })
            }
            6 => {
                // Some servers end it with more than one NUL.
                let end = rest.iter().rposition(|b| *b != 0)?;
                let mut words = rest.get(..=end)?.split(|b| *b == 0);
                let mut options = Vec::new();
                while let Some(name) = words.next() {
                    let text = |b: &[u8]| String::from_utf8_lossy(b).to_lowercase();
                    options.push((text(name), text(words.next()?)));
                }
                Some(Packet::Options(options))
            }
            _ => None,
        }
    }
}

/// That this block came.
pub(super) fn acknowledge(block: u64) -> Vec<u8> {
    let [.., high, low] = block.to_be_bytes();
    vec![0, 4, high, low]
}

/// That the transfer is over.
pub(super) fn error_packet(code: u8, says: &str) -> Vec<u8> {
    [&[0, 5, 0, code], says.as_bytes(), &[0]].concat()
}
