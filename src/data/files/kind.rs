//! Detects the kind of a file by its name or, if that is inconclusive, by its first bytes.

use std::path::Path;

/// The length of the magic number that is read of a file.
pub const MAGIC_BYTES: usize = 32;

/// Extensions of files that are never opened to see whether they are images.
const OTHER_EXTENSIONS: [&str; 35] = [
    "txt",
    "md",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "xml",
    "yaml",
    "yml",
    "toml",
    "html",
    "htm",
    "py",
    "ipynb",
    "pdf",
    "doc",
    "docx",
    "xls",
    "xlsx",
    "zip",
    "tar",
    "gz",
    "tgz",
    "bz2",
    "xz",
    "7z",
    "rar",
    "parquet",
    "npy",
    "npz",
    "mp4",
    "mov",
    "avi",
    "log",
    "safetensors",
];

/// The kind of a file, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// An image that can be decoded.
    Image,
    /// Something else, and what.
    Other(&'static str),
    /// Nothing: its first bytes have to be looked at.
    Unknown,
}

/// Extensions of cameras' raw files: they begin like TIFF, but hold no image that is ready to be used.
const RAW_EXTENSIONS: [&str; 11] = [
    "cr2", "cr3", "crw", "nef", "nrw", "dng", "arw", "orf", "rw2", "pef", "raf",
];
const RAW: &str = "a camera's raw file, which is not decoded; convert it to PNG or JPEG";

/// The reason for skipping files that are not images.
pub const NO_IMAGE: &str = "not an image";

/// The kind of a file, by its name.
pub fn named(path: &Path) -> Named {
    if is_image_name(path) {
        return Named::Image;
    }
    let extension = path.extension().and_then(|ext| ext.to_str());
    let extension = extension.map(str::to_ascii_lowercase).unwrap_or_default();
    match extension.as_str() {
        other if OTHER_EXTENSIONS.contains(&other) => Named::Other(NO_IMAGE),
        raw if RAW_EXTENSIONS.contains(&raw) => Named::Other(RAW),
        _ => Named::Unknown,
    }
}

/// Checks the magic number of a file: `Ok` for a format that `decode` reads, else the reason for skipping it.
///
/// # Errors
/// The format that is not read, or that the bytes are no image's.
pub fn sniff(begin: &[u8]) -> Result<(), &'static str> {
    let readable = [
        &b"\xFF\xD8\xFF"[..],
        b"\x89PNG\r\n\x1a\n",
        b"GIF87a",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
        b"II+\0",
        b"MM\0+",
    ];
    if readable.iter().any(|magic| begin.starts_with(magic)) {
        return Ok(());
    }
    if begin.starts_with(b"RIFF") && begin.get(8..12) == Some(b"WEBP") {
        return Ok(());
    }
    if is_bmp(begin) || is_pnm(begin) {
        return Ok(());
    }
    Err(unread_format(begin).unwrap_or(NO_IMAGE))
}

/// The name of an image format that is recognised but not decoded.
pub fn unread_format(begin: &[u8]) -> Option<&'static str> {
    if begin.get(4..8) == Some(b"ftyp") {
        return match begin.get(8..12)? {
            b"avif" | b"avis" => Some("AVIF, which is not decoded; convert it to PNG or JPEG"),
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
                Some("HEIC (HEIF), which is not decoded; convert it to PNG or JPEG")
            }
            _ => None,
        };
    }
    let formats = [
        (
            &b"\0\0\0\x0cJXL \r\n\x87\n"[..],
            "JPEG XL, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"\xFF\x0A",
            "JPEG XL, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"\0\0\0\x0cjP  \r\n\x87\n",
            "JPEG 2000, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"\xFF\x4F\xFF\x51",
            "JPEG 2000, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"8BPS",
            "a Photoshop file, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"\0\0\x01\0",
            "an icon, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"DDS ",
            "DDS, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"v/1\x01",
            "OpenEXR, which is not decoded; convert it to PNG or JPEG",
        ),
        (
            b"qoif",
            "QOI, which is not decoded; convert it to PNG or JPEG",
        ),
        (b"FUJIFILMCCD-RAW", RAW),
        (
            b"%PDF-",
            "a PDF, which is not decoded; convert its pages to PNG or JPEG",
        ),
    ];
    let found = formats.iter().find(|(magic, _)| begin.starts_with(magic));
    found.map(|(_, name)| *name)
}

/// "BM", and a header of a known length at its place: two letters alone begin texts, too.
fn is_bmp(begin: &[u8]) -> bool {
    let length = begin.get(14..18).and_then(|bytes| bytes.try_into().ok());
    let length = length.map(u32::from_le_bytes);
    begin.starts_with(b"BM")
        && length.is_some_and(|n| [12, 16, 40, 52, 56, 64, 108, 124].contains(&n))
}

/// "P1" to "P7", white space, and a number, a comment or (of "P7") a key.
fn is_pnm(begin: &[u8]) -> bool {
    let [b'P', digit @ b'1'..=b'7', space, rest @ ..] = begin else {
        return false;
    };
    let mut rest = rest.iter().skip_while(|byte| byte.is_ascii_whitespace());
    let next = rest.next();
    space.is_ascii_whitespace()
        && next.is_some_and(|next| {
            next.is_ascii_digit() || *next == b'#' || (*digit == b'7' && next.is_ascii_uppercase())
        })
}

/// Whether a file or folder is one that systems and tools put beside people's files: hidden ones, and
/// those of a fixed set of names.
pub fn is_hidden(name: &std::ffi::OsStr) -> bool {
    const NAMES: [&str; 11] = [
        "__macosx",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "__pycache__",
    ];
    let bytes = name.as_encoded_bytes();
    bytes.starts_with(b".")
        || NAMES
            .iter()
            .any(|known| bytes.eq_ignore_ascii_case(known.as_bytes()))
}

/// The reason for skipping hidden files.
pub const HIDDEN: &str = "hidden, or put there by the system";

/// File name extensions that are taken for images.
pub const EXTENSIONS: [&str; 14] = [
    "jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "jfif", "ppm", "pgm", "pbm", "pnm",
    "pam",
];

/// Whether the file's name is that of an image.
pub fn is_image_name(path: &Path) -> bool {
    path.extension()
        .and_then(|ext| ext.to_str())
        .is_some_and(|ext| EXTENSIONS.contains(&ext.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_images_formats_that_are_not_read_and_the_rest() {
        let good = [
            &b"\xFF\xD8\xFF\xE0..JFIF"[..],
            b"\x89PNG\r\n\x1a\n....",
            b"P5\n# made by hand\n3 4\n",
            b"P6 3 4 255 ",
            b"RIFF....WEBPVP8 ",
            b"P7\nWIDTH 4",
            b"BM....\0\0\0\0....\x28\0\0\0",
        ];
        for begin in good {
            assert_eq!(sniff(begin), Ok(()), "{begin:?}");
        }
        let heic = sniff(b"\0\0\0\x18ftypheic\0\0\0\0").expect_err("no image that is read");
        assert!(heic.starts_with("HEIC"), "{heic}");
        let avif = sniff(b"\0\0\0\x1cftypavif\0\0\0\0").expect_err("no image that is read");
        assert!(avif.starts_with("AVIF"), "{avif}");
        for other in [
            &b""[..],
            b"BMW and other cars",
            b"P5",
            b"Price 3",
            b"P1x 3",
            b"\0\0\0\x18ftypisom",
            b"hello",
        ] {
            assert_eq!(sniff(other), Err(NO_IMAGE), "{other:?}");
        }
    }

    #[test]
    fn names_tell_where_they_can() {
        assert_eq!(named(Path::new("a.PNG")), Named::Image);
        assert_eq!(named(Path::new("a.pgm")), Named::Image);
        assert_eq!(named(Path::new("a.txt")), Named::Other(NO_IMAGE));
        for unknown in ["IMG", "a.heic", "a.1", "a.avif"] {
            assert_eq!(named(Path::new(unknown)), Named::Unknown, "{unknown}");
        }
        for hidden in [".git", ".DS_Store", "Thumbs.db", "@eaDir", "__MACOSX"] {
            assert!(is_hidden(hidden.as_ref()), "{hidden}");
        }
        assert!(!is_hidden("cats".as_ref()));
    }
}
