//! Tokens that travel round a ring, in any way that there is to send and receive.

use gocsp::{Chan, Receiver, Sender};

use super::ways;
use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let members = 1 + random.amount(200);
    let tokens = random.amount(members - 1).min(20);
    let hops = random.amount(5000 / tokens);
    // Fewer tokens than members, so that there is always somebody who can receive.
    let capacity = *random.pick(&[0, 0, 1, 3]);
    let links: Vec<_> = (0..members).map(|_| Chan::<(usize, usize)>::new(capacity)).collect();
    let out = Chan::new(tokens);
    let mut crew = Crew::new();
    for me in 0..members {
        let (from, to, out) = (&links[me], &links[(me + 1) % members], &out);
        let mut random = random.fork();
        crew.add(move || {
            let (from, to) = (Receiver::from(from), Sender::from(to));
            while let Some((token, hop)) = ways::recv(trial, &from, &mut random) {
                if hop == hops {
                    trial.check(out.send((token, me)).is_ok(), "the way out is closed");
                } else {
                    let sent = ways::send(trial, &to, (token, hop + 1), &mut random);
                    trial.check(sent.is_ok(), "a link is closed before all tokens have arrived");
                }
            }
        });
    }
    crew.add(|| {
        for token in 0..tokens {
            links[token * members / tokens].send((token, 1)).expect("nobody has closed it");
        }
        let mut arrived = vec![false; tokens];
        for _ in 0..tokens {
            let (token, at) = out.recv().expect("nobody has closed it");
            trial.check(!std::mem::replace(&mut arrived[token], true), "a token has arrived twice");
            let expected = (token * members / tokens + hops - 1) % members;
            trial.check(at == expected, format_args!("token {token} has arrived at {at}, not at {expected}"));
        }
        links.iter().for_each(|link| link.close().expect("nobody has closed it"));
    });
    crew.work(trial, random);
}
