//! HTTP and HTTPS by `ureq`: redirects, proxies (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), timeouts, and the roots of
//! trust that the system has.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{Response, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::error::DownloadError;
use crate::storage::read_bounded;

/// How long a connection may take to come about, with its redirects.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// The most bytes of a file of certificates.
const MAX_ROOTS: u64 = 8 << 20;
/// Where systems keep the certificates they trust: Debian, Fedora, openSUSE, Alpine and macOS.
const ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What a server answers.
pub enum Answer {
    /// What is missing, from the place that was asked for.
    Rest {
        /// The bytes.
        body: Box<dyn Read>,
        /// How many.
        len: Option<u64>,
    },
    /// The whole file.
    Whole {
        /// The bytes.
        body: Box<dyn Read>,
        /// How many.
        len: Option<u64>,
    },
    /// There is nothing from that place on.
    Nothing {
        /// The size of the file.
        total: Option<u64>,
    },
}

/// A client.
pub struct Client(Agent);

impl Client {
    /// One with the proxy that the environment names.
    pub fn new() -> Client {
        let mut tls = TlsConfig::builder();
        if let Some(roots) = system_roots() {
            tls = tls.root_certs(RootCerts::from(roots));
        }
        let agent = Agent::config_builder()
            .tls_config(tls.build())
            .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .http_status_as_error(false)
            .build();
        Client(agent.new_agent())
    }

    /// Asks for a file from a place on.
    ///
    /// # Errors
    /// No answer, or one that is no file.
    pub fn get(&self, url: &str, from: u64) -> Result<Answer, DownloadError> {
        let mut request = self.0.get(url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let response = request.call().map_err(|error| explain(url, &error))?;
        let range = content_range(&response);
        let len = number(&response, header::CONTENT_LENGTH);
        match response.status().as_u16() {
            200 => Ok(Answer::Whole {
                body: Box::new(response.into_body().into_reader()),
                len,
            }),
            206 if range.is_some_and(|(begin, _)| begin == Some(from)) => Ok(Answer::Rest {
                body: Box::new(response.into_body().into_reader()),
                len,
            }),
            206 => Ok(Answer::Nothing { total: None }),
            416 if from > 0 => Ok(Answer::Nothing {
                total: range.and_then(|(_, total)| total),
            }),
            status => Err(DownloadError::Status {
                url: url.to_string(),
                status,
            }),
        }
    }
}

fn explain(url: &str, error: &ureq::Error) -> DownloadError {
    let is_passing = matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed
    );
    DownloadError::Connection {
        url: url.to_string(),
        why: error.to_string(),
        // A certificate that is not trusted comes as an error of input and output.
        is_passing: is_passing && !error.to_string().contains("certificate"),
    }
}

fn number(response: &Response<Body>, name: header::HeaderName) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

/// `bytes 5-9/10` as 5 and 10; `bytes */10` as none and 10.
fn content_range(response: &Response<Body>) -> Option<(Option<u64>, Option<u64>)> {
    let text = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let (span, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let begin = span
        .split_once('-')
        .and_then(|(begin, _)| begin.parse().ok());
    Some((begin, total.parse().ok()))
}

/// The certificates that the system trusts, or those of the file that `SSL_CERT_FILE` names; `None` where there are
/// none: then those of Mozilla that are in the program hold.
fn system_roots() -> Option<Vec<Certificate<'static>>> {
    let chosen = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = ROOTS.iter().map(|path| Path::new(path).to_path_buf());
    let mut roots = chosen.into_iter().chain(known).filter_map(|path| {
        let text = read_bounded(&path, MAX_ROOTS).ok()?;
        let certificates: Vec<Certificate> = parse_pem(&text)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        (!certificates.is_empty()).then_some(certificates)
    });
    roots.next()
}
