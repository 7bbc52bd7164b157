use gocsp::*;
use std::time::Instant;
fn ctx(n: usize) -> f64 {
    let (bt, br) = channel::<()>(0);
    let (tx, rx) = channel::<()>(0);
    let br2 = br.clone();
    let s = go!(move || { let _ = br.recv(); for _ in 0..n { tx.send(()).unwrap(); } });
    let r = go!(move || { let _ = br2.recv(); for _ in 0..n { rx.recv().unwrap(); } });
    yield_now();
    let t = Instant::now();
    let _ = bt.close();
    s.join().unwrap(); r.join().unwrap();
    t.elapsed().as_nanos() as f64 / n as f64
}
fn ping(n: usize) -> f64 {
    let (a, ar) = channel::<u64>(0);
    let (b, br) = channel::<u64>(0);
    let s = go!(move || { for v in &ar { if b.send(v).is_err() {return} } });
    let r = go!(move || { let t = Instant::now(); for i in 0..n as u64 { a.send(i).unwrap(); br.recv().unwrap(); } t.elapsed().as_nanos() as f64 / n as f64 });
    let x = r.join().unwrap(); s.join().unwrap(); x
}
fn buffered(n: usize) -> f64 {
    let (tx, rx) = channel::<u64>(128);
    let s = go!(move || { for i in 0..n as u64 { tx.send(i).unwrap(); } });
    let r = go!(move || { let t = Instant::now(); for v in &rx { std::hint::black_box(v); } t.elapsed().as_nanos() as f64 / n as f64 });
    let x = r.join().unwrap(); s.join().unwrap(); x
}
fn sel(n: usize) -> f64 {
    let (a, mut ar) = channel::<u64>(0);
    let (b, mut br) = channel::<u64>(0);
    let (q, qr) = channel::<()>(0);
    let h1 = go!(move || { for i in 0..n as u64/2 { if a.send(i).is_err() {return} } });
    let h2 = go!(move || { for i in 0..n as u64/2 { if b.send(i).is_err() {return} } });
    let r = go!(move || { let t = Instant::now(); for _ in 0..n/2*2 { select!{ recv(ar) -> v => { std::hint::black_box(v).ok(); if v.is_err() { ar = Receiver::nil(); } }, recv(br) -> v => { std::hint::black_box(v).ok(); if v.is_err() { br = Receiver::nil(); } }, recv(qr) => {} } } t.elapsed().as_nanos() as f64 / n as f64 });
    let x = r.join().unwrap(); 
    h1.join().unwrap(); h2.join().unwrap(); drop(q);
    x
}
fn spawnburst(n: usize) -> f64 {
    let wg = gocsp::sync::WaitGroup::new();
    let t = Instant::now();
    wg.add(n as _);
    for _ in 0..n { let wg = wg.clone(); go!(move || wg.done()); }
    wg.wait();
    t.elapsed().as_nanos() as f64 / n as f64
}
fn spawnjoin(n: usize) -> f64 { let t = Instant::now(); for _ in 0..n { go!(move || ()).join().unwrap(); } t.elapsed().as_nanos() as f64 / n as f64 }
fn pool(w: usize, cap: usize, n: usize) -> f64 {
    let (tx, rx) = channel::<u64>(cap);
    let wg = gocsp::sync::WaitGroup::new();
    wg.add(w as _);
    for _ in 0..w { let rx = rx.clone(); let wg = wg.clone(); go!(move || { for v in &rx { let mut x = v; for _ in 0..7000 { x = std::hint::black_box(x.wrapping_mul(6364136223846793005).wrapping_add(1)); } std::hint::black_box(x); } wg.done(); }); }
    yield_now();
    let t = Instant::now();
    for i in 0..n as u64 { tx.send(i).unwrap(); }
    drop(tx);
    wg.wait();
    t.elapsed().as_nanos() as f64 / n as f64
}
fn yields(g: usize, n: usize) -> f64 {
    let t = Instant::now();
    let hs: Vec<_> = (0..g).map(|_| Go::new().local().spawn(move || for _ in 0..n/g { yield_now() }).unwrap()).collect();
    for h in hs { h.join().unwrap(); }
    t.elapsed().as_nanos() as f64 / n as f64
}
fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    for procs in [1, 2] {
        let rt = Runtime::builder().procs(procs).build().unwrap();
        rt.run(|| {
            let n = 1_000_000;
            let mut tests: Vec<(&str, Box<dyn Fn() -> f64>)> = vec![
                ("ctx", Box::new(move || ctx(n))), ("ping", Box::new(move || ping(n))), ("buf128", Box::new(move || buffered(n))),
                ("select3", Box::new(move || sel(n))), ("spawn", Box::new(move || spawnburst(n))), ("spawnjoin", Box::new(move || spawnjoin(n/4))),
                ("pool8", Box::new(move || pool(8, 0, 20000))), ("pool2c16", Box::new(move || pool(2, 16, 20000))), ("yield1", Box::new(move || yields(1, n))), ("yield100", Box::new(move || yields(100, n))),
            ];
            tests.retain(|t| only.is_empty() || t.0 == only);
            for (name, f) in &tests { let mut v: Vec<f64> = (0..5).map(|_| f()).collect(); v.sort_by(f64::total_cmp); println!("{procs} {name:10} {:8.1} ns (min {:.1})", v[2], v[0]); }
        });
    }
}
