from math import nan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ignite.engine import Engine
from PIL import Image
from sklearn.metrics import roc_curve

from fundus_mtl.figures import roc_of_scores
from fundus_mtl.handlers import CaseFigures, CaseTable, SampleOverlay
from fundus_mtl.handlers._ranked_cases import encode_jpeg, pick, worst_ranks
from fundus_mtl.metrics import summarise
from fundus_mtl.results import draw_overlay

quiet = settings(deadline=None, derandomize=True, max_examples=100)


def test_pick_by_hand():
    values = np.array([0.9, 0.1, nan, 0.5, 0.7, 0.2, 0.8, 0.4])
    assert pick(values, 2) == {"worst": [1, 5], "median": [7, 3], "best": [6, 0]}
    assert pick(values, 2, highest_is_worst=True) == {"worst": [0, 6], "median": [4, 3], "best": [5, 1]}
    assert pick(values, 1) == {"worst": [1], "median": [3], "best": [0]}
    assert pick(values[:2], 3) == {"worst": [1, 0], "median": [], "best": []}
    assert pick(np.array([nan]), 3) == pick(np.array([]), 3) == {"worst": [], "median": [], "best": []}


@quiet
@given(st.lists(st.one_of(st.just(nan), st.floats(0, 1)), max_size=20), st.integers(1, 4), st.booleans())
def test_pick_is_in_order_and_shows_no_case_twice(values, count, reverse):
    groups = pick(np.array(values, dtype=float), count, reverse)
    shown = [*groups["worst"], *groups["median"], *groups["best"]]
    assert len(shown) == len(set(shown)) == min(3 * count, np.isfinite(values).sum() if values else 0)
    ranked = [-values[index] if reverse else values[index] for index in shown]
    assert ranked == sorted(ranked)
    known = sorted(-value if reverse else value for value in values if not np.isnan(value))
    median = groups["median"]
    if len(median) == count:  # as many ranks below as above, or one fewer
        start = known.index(ranked[count]) if len(set(known)) == len(known) else None
        assert start is None or len(known) - count - 2 * start in (0, 1)


def test_jpeg_keeps_the_aspect_and_never_enlarges(tmp_path):
    picture = np.zeros((90, 200, 3), np.uint8)
    for width, size in (100, (100, 45)), (512, (200, 90)):
        path = tmp_path / "a.jpg"
        path.write_bytes(encode_jpeg(picture, width))
        with Image.open(path) as image:
            assert image.size == size


def recorder(calls):
    """Return a `draw` that keeps what it is given."""

    def draw(image, masks, points, colours, legend):
        assert len(colours) == len(masks) + len(points)
        calls.append((image, masks, points))
        return image

    return draw


def box(top, bottom, left, right, shape=(120, 160)):
    mask = torch.zeros(1, *shape)
    mask[:, top:bottom, left:right] = 1
    return mask


def test_overlay_names_what_there_is():
    image, mask, point = np.zeros((4, 6, 3), np.uint8), torch.ones(1, 4, 6), torch.tensor([2.0, 1.0])
    sample = {"disc": mask, "pred_disc": mask * 0, "pred_cup": mask, "fovea": point, "pred_fovea": point + 1}
    calls = []
    SampleOverlay(recorder(calls))(image, {**sample, "fovea_present": torch.tensor(False), "cup": mask * 0})
    picture, masks, points = calls[0]
    assert picture.shape == (4, 6, 3)
    assert list(masks) == ["disc", "cup", "true disc", "true cup"]  # labels are drawn last, above
    assert all(value.shape == (4, 6) for value in masks.values())
    assert masks["true disc"].all()
    assert not masks["disc"].any()
    assert {name: list(value) for name, value in points.items()} == {"fovea": [3.0, 2.0]}


def test_labels_have_one_colour_and_lie_above():
    image, mask, point = (
        np.zeros((200, 220, 3), np.uint8),
        box(50, 150, 60, 160, (200, 220)),
        torch.tensor([20.0, 30.0]),
    )
    overlay = SampleOverlay(draw_overlay)
    assert overlay.legend == {
        "truth": (255, 255, 255),
        "disc": (86, 200, 255),
        "cup": (240, 228, 66),
        "fovea": (0, 158, 115),
    }
    picture = overlay(image, {"disc": mask, "pred_disc": mask, "fovea": point, "pred_fovea": point + 100})
    assert picture[100, 60].min() > 200  # where both are, the label is seen
    assert overlay(image, {"pred_disc": mask})[100, 60, 0] < 100
    without = overlay(image, {"pred_disc": mask * 0, "fovea": point * 0 - 9})
    assert not without.any()  # no legend in the picture itself


def test_ranks_by_the_worst_column_by_hand():
    """Ranks 0, .5, 1 of each column; b has no error. c is the worst of the first column, a of the second."""
    values = {"dice": np.array([0.9, 0.5, 0.1]), "error": np.array([9.0, nan, 4.0])}
    order, worst = worst_ranks(values, {"dice": False, "error": True})
    np.testing.assert_allclose(order, [1 + 0.5e-6, 0.5 + 0.5e-6, 1 + 0.5e-6], rtol=0, atol=1e-12)
    assert worst == ["error", "dice", "dice"]
    order, _ = worst_ranks({"dice": np.array([nan, 0.3, 0.3, nan])}, {"dice": False})
    np.testing.assert_allclose(order, [nan, 0.0, 0.0, nan])


@quiet
@given(st.lists(st.one_of(st.just(nan), st.floats(-5, 5)), min_size=1, max_size=20), st.booleans())
def test_one_column_ranks_as_its_values(values, reverse):
    column = np.array(values, dtype=float)
    order, _ = worst_ranks({"x": column}, {"x": reverse})
    assert pick(order, 3, highest_is_worst=True) == pick(column, 3, highest_is_worst=reverse)


def test_a_panel_of_several_tasks_shows_the_worst_of_each(tmp_path):
    rows = [
        {"id": name, "disc_dice": dice, "fovea_error_px": error, "cup_dice": nan}
        for name, dice, error in [
            ("a", 0.9, 5.0),
            ("b", 0.95, 90.0),
            ("c", 0.2, 6.0),
            ("d", 0.97, 4.0),
            ("e", nan, nan),
        ]
    ]
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "fundus_mtl.handlers._case_figures.save_figure", lambda figure, path: drawn.append((figure, path))
        )
        run(tmp_path, rows, count=2, key={"disc_dice": "lowest", "cup_dice": "lowest", "fovea_error_px": "highest"})
    figure, path = drawn[0]
    assert path.name == "cases_worst_task.jpg"
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:2] == ["worst: c\ndisc_dice 0.200", "worst: b\nfovea_error_px 90.000"]
    assert titles[-1].startswith("best: d")


def test_the_legend_stands_below_the_panel_once(tmp_path):
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fundus_mtl.handlers._case_figures.save_figure", lambda figure, path: drawn.append(figure))
        run(tmp_path, ROWS, draw=SampleOverlay(draw_overlay))
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["truth", "disc", "cup", "fovea"]
    assert all(text.get_fontsize() >= 12 for text in legend.get_texts())
    assert legend.get_lines()[0].get_color() == [1, 1, 1]


def test_overlay_shrinks_picture_masks_and_points_alike():
    """Halved: rows 40..59 become 20..29; the point between pixels 20 and 21, the centre of the new pixel 10, becomes 10."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:60, 100:140] = 200
    calls = []
    sample = {"disc": box(40, 60, 100, 140), "fovea": torch.tensor([20.5, 61.0], dtype=torch.float64)}
    SampleOverlay(recorder(calls), width=80)(image, sample)
    picture, masks, points = calls[0]
    assert picture.shape == (60, 80, 3)
    np.testing.assert_array_equal(masks["true disc"], picture[..., 0] > 0)
    np.testing.assert_array_equal(np.argwhere(masks["true disc"])[[0, -1]], [[20, 50], [29, 69]])
    np.testing.assert_allclose(points["true fovea"], [10.0, 30.25])


def test_overlay_zooms_in_on_label_and_prediction():
    """Rows 40..49 and columns 60..79 together: 20 px wide around (44, 69), 30 px to every side, cut at the frame."""
    image = np.arange(120 * 160 * 3, dtype=np.uint32).reshape(120, 160, 3).astype(np.uint8)
    sample = {"disc": box(40, 50, 60, 70), "pred_disc": box(40, 45, 65, 80), "fovea": torch.tensor([100.0, 50.0])}
    calls = []
    overlay = SampleOverlay(recorder(calls), zoom="disc")
    overlay(image, sample)
    picture, masks, points = calls[0]
    np.testing.assert_array_equal(picture, image[14:75, 39:100])
    np.testing.assert_array_equal(masks["true disc"], sample["disc"][0, 14:75, 39:100])
    np.testing.assert_allclose(points["true fovea"], [61.0, 36.0])
    overlay(image, {"disc": box(0, 10, 150, 160)})
    np.testing.assert_array_equal(calls[1][0], image[0:20, 139:160])
    overlay(image, {"disc": box(0, 0, 0, 0)})
    overlay(image, {"pred_fovea": torch.tensor([100.0, 50.0])})
    np.testing.assert_array_equal(calls[2][0], image)
    np.testing.assert_array_equal(calls[3][0], image)


def test_parts_show_one_window_whatever_a_method_predicts():
    """The label's rows 40..49 and columns 60..69 alone decide: 10 px wide around (44, 64), 15 px to every side."""
    image = np.arange(120 * 160 * 3, dtype=np.uint32).reshape(120, 160, 3).astype(np.uint8)
    sample = {"disc": box(40, 50, 60, 70), "pred_disc": box(0, 120, 0, 160), "pred_fovea": torch.tensor([64.0, 44.0])}
    calls = []
    parts = SampleOverlay(recorder(calls), zoom="disc").parts(image, sample)
    assert list(parts) == ["photograph", "truth", "prediction"]
    for picture in parts.values():
        np.testing.assert_array_equal(picture, image[29:60, 49:80])
    assert [(set(masks), set(points)) for _, masks, points in calls] == [
        (set(), set()),
        ({"true disc"}, set()),
        ({"disc"}, {"fovea"}),
    ]
    np.testing.assert_array_equal(calls[2][2]["fovea"], [15.0, 15.0])
    unlabelled = SampleOverlay(recorder([]), zoom="disc").parts(image, {"pred_disc": box(40, 50, 60, 70)})
    assert {picture.shape for picture in unlabelled.values()} == {image.shape}


ROWS = [
    {"id": "a", "disc_dice": 0.9, "glaucoma_true": 1.0, "glaucoma_prob_classifier": 0.8, "glaucoma_prob_vcdr": nan},
    {"id": "b", "disc_dice": 0.2, "glaucoma_true": 0.0, "glaucoma_prob_classifier": 0.3, "glaucoma_prob_vcdr": nan},
    {"id": "c", "disc_dice": nan, "glaucoma_true": 1.0, "glaucoma_prob_classifier": 0.2, "glaucoma_prob_vcdr": nan},
    {"id": "d", "disc_dice": 0.6, "glaucoma_true": nan, "glaucoma_prob_classifier": 0.9, "glaucoma_prob_vcdr": 0.7},
]


def run(tmp_path, rows, draw=lambda image, _: image, **kwargs):
    """Evaluate rows as they are; a photograph is a grey frame whose brightness is its position."""

    def read_image(sample):
        return np.full((60, 80, 3), 40 * sample["position"], np.uint8)

    table = CaseTable(lambda sample: sample["row"], tmp_path, lambda frame: summarise(frame, n=0))
    figures = CaseFigures(table, read_image, draw, tmp_path, **kwargs)
    engine = Engine(lambda _, batch: batch)
    table.attach(engine)
    figures.attach(engine)
    engine.run([[{"id": row["id"], "row": row, "position": index}] for index, row in enumerate(rows)])
    return figures, engine


def test_panel_and_curves_are_written(tmp_path):
    figures, _ = run(tmp_path, ROWS, count=1)
    assert len(figures.pictures) == 4
    names = {"per_case.csv", "summary.csv", "summary.md", "cases_disc_dice.jpg", "roc.png"}
    assert {path.name for path in tmp_path.iterdir()} == names
    with Image.open(tmp_path / "cases_disc_dice.jpg") as image:
        panel = np.asarray(image.convert("L"))
    thirds = [
        int(panel[line : line + 20, panel.shape[1] // 2].mean()) for line in (len(panel) * np.array([1, 3, 5])) // 6
    ]
    np.testing.assert_allclose(thirds, [40 * 1, 40 * 3, 40 * 0], atol=3)  # b worst, d median, a best


class Halves:
    """Draws the whole picture; its parts are its upper and its lower half."""

    def __call__(self, image, sample):
        return image

    def parts(self, image, sample):
        return {"upper": image[:30], "lower": image[30:]}


def test_kept_parts_are_numbered_as_the_rows_and_replace_those_of_before(tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "9_upper.jpg").write_bytes(b"of an earlier run")
    run(tmp_path, ROWS, draw=Halves(), keep=True)
    kept = {path.name for path in (tmp_path / "cases").iterdir()}
    assert kept == {f"{n}_{part}.jpg" for n in range(4) for part in ("upper", "lower")}
    with Image.open(tmp_path / "cases" / "2_lower.jpg") as image:
        assert image.size == (80, 30)
        np.testing.assert_allclose(np.asarray(image), 80, atol=3)
    run(tmp_path, ROWS, draw=Halves())
    assert not (tmp_path / "cases").exists()  # pictures of an earlier run would be taken for this one's


def test_titles_name_case_and_value(tmp_path):
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fundus_mtl.handlers._case_figures.save_figure", lambda figure, path: drawn.append(figure))
        run(tmp_path, ROWS, count=2)
    panel = drawn[0]
    titles = [axes.get_title() for axes in panel.axes if axes.get_title()]
    assert titles == ["worst: b\ndisc_dice 0.200", "worst: d\ndisc_dice 0.600", "best: a\ndisc_dice 0.900"]


def test_no_values_no_pictures(tmp_path):
    run(tmp_path, [{"id": "a"}, {"id": "b"}], key="fovea_error_px", worst="highest")
    assert {path.name for path in tmp_path.iterdir()} == {"per_case.csv", "summary.csv", "summary.md"}


def test_a_table_of_another_run_is_refused(tmp_path):
    table = CaseTable(dict, tmp_path)
    figures = CaseFigures(table, dict, dict, tmp_path)
    figures.pictures.append(b"")
    with pytest.raises(ValueError, match="expected 1 rows, but got 0; attach both to one engine"):
        figures.write()


def test_roc_curve_is_sklearns():
    generator = np.random.default_rng(2)
    labels = (np.arange(50) % 5 == 0).astype(float)
    scores = generator.random(50) + labels * 0.5
    rows = [
        {"glaucoma_true": y, "glaucoma_prob_classifier": s, "glaucoma_prob_vcdr": -s}
        for y, s in zip(labels, scores, strict=True)
    ]
    figure = roc_of_scores([*rows, {"glaucoma_true": nan, "glaucoma_prob_classifier": 0.1}, {"id": "x"}])
    classifier, regression, chance = figure.axes[0].lines
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(classifier.get_xdata(), false_positive)
    np.testing.assert_allclose(classifier.get_ydata(), true_positive)
    assert "(10 of 50 positive)" in classifier.get_label()
    area = np.trapezoid(true_positive, false_positive)
    assert f"AUC {area:.3f}" in classifier.get_label()
    assert f"AUC {1 - area:.3f}" in regression.get_label()
    assert list(chance.get_xdata()) == [0, 1]


def test_the_final_score_has_a_curve_where_it_is_not_the_classifiers():
    rows = [{"glaucoma_true": y, "glaucoma_prob_classifier": y, "glaucoma_prob": 1.0 - y} for y in (0.0, 1.0)]
    assert [line.get_label() for line in roc_of_scores(rows).axes[0].lines][:-1] == [
        "classifier: AUC 1.000 (1 of 2 positive)"
    ]
    fused = [{**row, "glaucoma_prob_vcdr": 0.5} for row in rows]
    *_, final, _ = roc_of_scores(fused).axes[0].lines
    assert final.get_label() == "final score: AUC 0.000 (1 of 2 positive)"


@pytest.mark.parametrize("rows", [[], [{"id": "a"}], [{"glaucoma_true": 1.0, "glaucoma_prob_classifier": 0.3}] * 3])
def test_no_curve_without_two_classes(rows):
    assert roc_of_scores(rows) is None
