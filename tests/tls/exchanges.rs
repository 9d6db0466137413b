//! Requests and responses over TLS.

use httpool_blocking::TlsOptions;
use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, ONLY_1_2, ONLY_1_3, config, serve_local},
};

use crate::calls::{Calls, HOST, Setup};

with_each_driver!(https_works_and_the_connection_is_reused);

fn https_works_and_the_connection_is_reused<C: Calls>() {
    let root = Authority::new("root");
    for versions in [BOTH, ONLY_1_2, ONLY_1_3] {
        let port = serve_local(config(&root.issue(&[HOST]), versions)).port();
        let tls = TlsOptions::new().ca_cert_data(root.pem());
        let mut client = C::new(Setup { tls, ports: vec![port], ..Setup::default() });
        for round in 0..3 {
            let answer = client.get(&format!("https://{HOST}:{port}/{round}")).unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, format!("GET /{round} HTTP/1.1").as_bytes());
            assert_eq!(answer.reused, round > 0);
        }
    }
}
