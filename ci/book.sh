#!/usr/bin/env bash
# Builds the book of docs/ into target/book. Every page has to be in its summary and in the documentation of the crate, every
# picture in the latter, and whatever a page refers to has to be there. mdbook looks for none of these.
#
# Without mdbook ("cargo install mdbook") the references between the pages of the book are not looked at.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() {
    echo "error: $*" >&2
    failed=1
}

while read -r page; do
    grep -qF "($page)" docs/SUMMARY.md || complain "docs/$page is not in docs/SUMMARY.md"
    [[ $page == README.md ]] || grep -qF "docs/$page\"" src/docs.rs || complain "docs/$page is not in src/docs.rs"
done < <(cd docs && find . -name '*.md' ! -name SUMMARY.md -printf '%P\n')

while read -r picture; do
    grep -qF "\"$picture\"" src/docs.rs || complain "the picture $picture is not in src/docs.rs"
done < <(grep -rohE --include='*.md' '^\[[^]]+\.svg\]:' docs | sed 's/^\[//; s/\]:$//' | sort -u)
while IFS=: read -r page line _; do
    complain "$page:$line: a picture that is not referred to by a definition, which src/docs.rs could replace"
done < <(grep -rnE --include='*.md' '!\[[^]]*\]\(' docs || true)

for page in *.md */README.md; do
    while read -r reference; do
        [[ -e $(dirname "$page")/$reference ]] || complain "$page refers to $reference, which is not there"
    done < <(grep -oE '(\]\(|^\[[^]]+\]: )[^) ]+' "$page" | sed -E 's/^(\]\(|\[[^]]+\]: )//' | grep -vE '^(https?:|#)')
done

if ! command -v mdbook >/dev/null; then
    echo 'the book is not built: there is no mdbook on this machine'
    exit "$failed"
fi

output=$(mdbook build docs 2>&1) || complain 'mdbook fails'
echo "$output"
if grep -qE '\b(WARN|ERROR)\b' <<<"$output"; then
    complain 'mdbook warns'
fi

# Pages, pictures, styles: all but what is elsewhere, and the page for what is not found, whose references are absolute.
cd target/book
while IFS='"' read -r page reference; do
    page=${page#./}
    page=${page%%:*}
    [[ -e $(dirname "$page")/$reference ]] || complain "target/book/$page refers to $reference, which is not there"
done < <(grep -roE --include='*.html' --exclude=404.html '\b(href|src)="[^"#:]+' . | sort -u)

# A reference without a definition is shown as it is written.
while read -r found; do
    complain "target/book/${found#./}: a link without a definition"
done < <(grep -roE --include='*.html' --exclude=print.html '\[[^] ]*\]\[[^] ]*\.(md|svg)\]' . || true)
exit "$failed"
