"""The failure matrix: every fault of support.failure_rows, over real sockets, in front of the built injector."""

from support import failure_matrix, failure_page


def test_every_fault_ends_as_documented(certificates, tmp_path, capsys):
    results = failure_matrix.run_all(tmp_path, certificates)
    with capsys.disabled():
        print("", *failure_matrix.table(results), sep="\n")
    wrong = [failure_matrix.line(result) for result in results if result.faults]
    assert not wrong, "\n".join(wrong)


def test_the_page_tells_what_the_rows_tell():
    assert failure_page.PATH.read_text() == failure_page.page(), "run script/failures --write"
