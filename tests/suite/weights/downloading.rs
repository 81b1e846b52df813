//! Downloads from a server on loopback that does not always behave.

use std::path::Path;

use sha2::{Digest, Sha256};

use kiln::data::Filter;
use kiln::model::import::{CatalogueEntry, KnownDigest, Origin, WeightsPreprocess, download};

use crate::support::arrays::zip;
use crate::support::server::{Reply, Request, Server};

/// `sha256sum` of [`file`].
const SUM: &str = "136f334d647619879743ff33fde1ac6547f40e314692441f2a125e087cad47c9";

/// 300,000 bytes.
fn file() -> Vec<u8> {
    (0..300_000u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

fn entry(digest: KnownDigest) -> CatalogueEntry {
    CatalogueEntry {
        name: "net",
        backbone: "net",
        file: "net.pth",
        bytes: 300_000,
        digest,
        licence: "MIT",
        origin: Origin {
            url: "http://127.0.0.1:9/never",
            archive: None,
            tried: false,
        },
        preprocess: WeightsPreprocess {
            resize: 8,
            crop: 8,
            filter: Filter::Bilinear,
            mean: [0.0; 3],
            std: [1.0; 3],
        },
    }
}

fn fetch(folder: &Path, server: &Server) -> Result<Vec<u8>, String> {
    let entry = entry(KnownDigest::Full(SUM));
    let path = download(&entry, Some(&server.url), folder, &mut |_, _| {});
    let path = path.map_err(|error| error.to_string())?;
    assert_eq!(path, folder.join("net.pth"));
    Ok(std::fs::read(path).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_string());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn request(from: Option<usize>) -> Request {
    Request {
        path: "/net.pth".into(),
        from,
    }
}

#[test]
fn a_file_comes_whole_and_its_progress_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, _| Reply::file(&file(), request));
    let mut message = Vec::new();
    let path = download(
        &entry(KnownDigest::Start(&SUM[..8])),
        Some(&format!("{}/", server.url)),
        folder.path(),
        &mut |done, total| message.push((done, total)),
    );
    assert_eq!(std::fs::read(path.unwrap()).unwrap(), file());
    assert_eq!(message.last(), Some(&(300_000, Some(300_000))));
    assert!(message.is_sorted());
    assert_eq!(names(folder.path()), ["net.pth"]);
    assert_eq!(server.requests(), [request(None)]);
}

#[test]
fn a_connection_that_breaks_off_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, count| match count {
        0 => Reply::file(&file(), request).cut(100_000),
        1 => Reply::status("503 Service Unavailable"),
        2 => Reply::file(&file(), request).cut(50_000),
        _ => Reply::file(&file(), request),
    });
    assert_eq!(fetch(folder.path(), &server).unwrap(), file());
    let from = [None, Some(100_000), Some(100_000), Some(150_000)];
    assert_eq!(server.requests(), from.map(request));
}

#[test]
fn the_next_run_goes_on_where_the_last_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|request, count| match count {
        0 => Reply::file(&file(), request).cut(100_000),
        1..3 => Reply::file(&file(), request).cut(0),
        _ => Reply::file(&file(), request),
    });
    let message = fetch(folder.path(), &server).unwrap_err();
    assert!(
        message.contains("broke off after 100000 bytes (")
            && message.contains("the same command goes on"),
        "{message}"
    );
    assert_eq!(names(folder.path()), [".net.pth.part"]);
    assert_eq!(fetch(folder.path(), &server).unwrap(), file());
    assert_eq!(server.requests().last(), Some(&request(Some(100_000))));
    assert_eq!(names(folder.path()), ["net.pth"]);
}

#[test]
fn servers_without_ranges_send_the_file_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".net.pth.part"), &file()[..70_000]).unwrap();
    let server = Server::start(|_, _| Reply::whole(&file()));
    assert_eq!(fetch(folder.path(), &server).unwrap(), file());
    assert_eq!(server.requests(), [request(Some(70_000))]);
}

#[test]
fn a_rest_of_another_file_is_noticed_and_fetched_anew() {
    for rest in [vec![7; 100_000], vec![7; 300_000], vec![7; 300_001], file()] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".net.pth.part"), rest).unwrap();
        let server = Server::start(|request, _| Reply::file(&file(), request));
        assert_eq!(fetch(folder.path(), &server).unwrap(), file());
        assert_eq!(names(folder.path()), ["net.pth"]);
    }
}

#[test]
fn another_file_is_refused_and_what_was_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("net.pth"), "old").unwrap();
    let server = Server::start(|_, _| Reply::whole(b"<html>sign in</html>"));
    let message = fetch(folder.path(), &server).unwrap_err();
    assert!(
        message.contains("is not the file that is expected") && message.contains(SUM),
        "{message}"
    );
    assert_eq!(names(folder.path()), ["net.pth"]);
    assert_eq!(
        std::fs::read(folder.path().join("net.pth")).unwrap(),
        b"old"
    );
    let endless = Server::start(|_, _| Reply {
        status: "200 OK",
        headers: Vec::new(),
        body: vec![0; 3 << 20],
    });
    let message = fetch(folder.path(), &endless).unwrap_err();
    assert!(
        message.contains("more than the 1423576 bytes that are expected"),
        "{message}"
    );
    let announced = Server::start(|_, _| Reply {
        status: "200 OK",
        headers: vec!["Content-Length: 99999999999".into()],
        body: Vec::new(),
    });
    let message = fetch(folder.path(), &announced).unwrap_err();
    assert!(message.contains("more than the 1423576 bytes"), "{message}");
    let missing = Server::start(|_, _| Reply::status("404 Not Found"));
    let message = fetch(folder.path(), &missing).unwrap_err();
    assert!(
        message.ends_with("/net.pth: the server answers 404"),
        "{message}"
    );
    assert_eq!(missing.requests().len(), 1, "not asked again");
}

#[test]
fn redirects_are_followed_and_circles_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let behind = Server::start(|request, _| Reply::file(&file(), request));
    let to = format!("Location: {}/mirror/net.pth", behind.url);
    let server = Server::start(move |_, _| Reply {
        status: "302 Found",
        headers: vec![to.clone(), "Content-Length: 0".into()],
        body: Vec::new(),
    });
    assert_eq!(fetch(folder.path(), &server).unwrap(), file());
    assert_eq!(behind.requests()[0].path, "/mirror/net.pth");
    let circle = Server::start(|_, _| Reply {
        status: "302 Found",
        headers: vec!["Location: /net.pth".into(), "Content-Length: 0".into()],
        body: Vec::new(),
    });
    fetch(folder.path(), &circle).unwrap_err();
    assert!(circle.requests().len() < 20);
}

#[test]
fn nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let entry = entry(KnownDigest::Full(SUM));
    let error = download(&entry, Some(&url), folder.path(), &mut |_, _| {}).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot fetch {url}/net.pth: ")),
        "{error}"
    );
    let gone = folder.path().join("gone");
    let error = download(&entry, Some(&url), &gone, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("cannot write"), "{error}");
}

#[test]
fn a_file_within_an_archive_is_taken_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let archive = zip(&[("a/README", b"hello"), ("a/net.pth", &file())], true);
    let digits = Sha256::digest(&archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let archive_sum: &'static str = digits.leak();
    let server = Server::start(move |request, _| Reply::file(&archive, request));
    let fetch = |member: &'static str, sum: &'static str, digest: &'static str| {
        let mut entry = entry(KnownDigest::Full(digest));
        entry.origin.url = server.url.clone().leak();
        entry.origin.archive = Some((member, sum));
        let path = download(&entry, None, folder.path(), &mut |_, _| {});
        path.map(|path| std::fs::read(path).unwrap())
            .map_err(|error| error.to_string())
    };
    let message = fetch("a/net.pth", SUM, SUM).unwrap_err();
    assert!(
        message.contains("is not the file that is expected"),
        "{message}"
    );
    let message = fetch("a/other.pth", archive_sum, SUM).unwrap_err();
    assert!(message.ends_with("has no member a/other.pth"), "{message}");
    let message = fetch("a/README", archive_sum, SUM).unwrap_err();
    assert!(
        message.contains("is not the file that is expected"),
        "{message}"
    );
    assert!(!folder.path().join("net.pth").exists());
    assert_eq!(fetch("a/net.pth", archive_sum, SUM).unwrap(), file());
    assert_eq!(names(folder.path()), ["net.pth"]);
}
