#include "report.h"

#include "../svg_to_png.h"
#include "mien/core/numbers.h"
#include "mien/io/file.h"
#include "report_compare.h"
#include "report_explain.h"
#include "report_figures.h"
#include "report_models.h"
#include "report_pictures.h"
#include "report_sentences.h"
#include "report_tables.h"
#include "report_text.h"

namespace mien::expressions::study {
namespace {

using Blocks = std::vector<DocumentBlock>;

/// Width of a figure's PNG: twice the units of a plot for the numbered ones, less for the many of single networks.
int png_width(const DocumentFigure& figure) { return figure.id.rfind("figure-", 0) == 0 ? 960 : 480; }

void heading(Blocks& blocks, int level, const std::string& text, const std::string& id) {
  blocks.push_back(DocumentHeading{.level = level, .text = text, .id = id});
}

void say(Blocks& blocks, const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences)
    if (!sentence.empty()) text += (text.empty() ? "" : " ") + sentence;
  if (!text.empty()) blocks.push_back(DocumentText{text});
}

void list(Blocks& blocks, const std::vector<std::string>& items) {
  DocumentList all;
  for (const std::string& item : items) all.items.push_back(item);
  if (!all.items.empty()) blocks.push_back(all);
}

void add_opening(Blocks& blocks, const StudyRuns& runs) {
  const StudyPlan& plan = runs.study().plan;
  heading(blocks, 2, "What came out", "findings");
  list(blocks, findings(runs));
  heading(blocks, 3, "How to read it", "reading");
  std::vector<std::string> advice{
      "Sections have the numbers of the report's. From section 4 on every table has both splits: random, as in the "
      "report, where one person's pictures fall on both sides; and by person, where the test is of people the network "
      "has never seen."};
  advice.push_back(
      runs.seeds() > 1
          ? "A figure like 75.5 ± 1.2 % is the mean and the standard deviation over seeds; the small numbers behind it "
            "are the seeds, each a link to the folder of its run."
          : "Every figure is of one run, one seed, and links to the folder of that run. How much another seed "
            "would change it, one seed does not tell.");
  advice.push_back("\"No difference shown\" is not \"no difference\": these runs and pictures are too few to tell.");
  say(blocks, advice);
  if (!plan.cuts.empty() || !plan.remarks.empty()) {
    heading(blocks, 3, "What was cut, and what else was decided", "cuts");
    std::vector<std::string> items = plan.cuts;
    items.insert(items.end(), plan.remarks.begin(), plan.remarks.end());
    list(blocks, items);
  }
  blocks.push_back(methods_table(runs));
  say(blocks, method_sentences(runs));
}

void add_data(Blocks& blocks, const StudyRuns& runs) {
  const Study& study = runs.study();
  heading(blocks, 2, "2 Data and normalisation", "section-2");
  const StudyOptions& options = study.plan.options;
  say(blocks, {options.synthetic ? join("The pictures are drawn faces, not photographs: ", options.people,
                                        " invented people, ", options.takes,
                                        " pictures of each expression of each. They show how the study works; they "
                                        "show nothing of real faces.")
                                 : "The pictures are photographs from a folder, a subfolder a class, cut and made grey "
                                   "as the networks take them.",
               discarded_sentence(study)});
  blocks.push_back(class_table(study));
  blocks.push_back(sample_figure(study));
  blocks.push_back(normalisation_figure(study));
  blocks.push_back(normalisation_table(study));
  blocks.push_back(pixel_table(study));
}

void add_overfit(Blocks& blocks, const StudyRuns& runs) {
  heading(blocks, 2, "3 Overfit models", "section-3");
  say(blocks, {"Before a network can recognise new faces it must be able to remember those it is shown: so each is "
               "trained on all "
               "pictures and scored on the same ones."});
  blocks.push_back(overfit_table(runs));
  say(blocks, overfit_sentences(runs));
  blocks.push_back(curves_figure(runs, 3));
  blocks.push_back(summary_figure(runs, "best"));
  heading(blocks, 3, "Three networks that teach something", "notebook");
  blocks.push_back(notebook_table(runs));
  list(blocks, notebook_sentences(runs));
}

void add_test(Blocks& blocks, const StudyRuns& runs) {
  heading(blocks, 2, "4 Split and test", "section-4");
  blocks.push_back(split_table(runs));
  blocks.push_back(test_table(runs));
  say(blocks, leak_sentences(runs));
  blocks.push_back(accuracy_figure(runs, 4));
  blocks.push_back(comparison_table(runs, 4));
  blocks.push_back(curves_figure(runs, 4));
}

void add_change(Blocks& blocks, const StudyRuns& runs, int section) {
  if (section == 5) {
    heading(blocks, 2, "5 Augmentation", "section-5");
    say(blocks, {"Each epoch sees each training picture moved, turned and lit a little differently; test pictures stay "
                 "as they are."});
    list(blocks, strength_sentences(runs));
    blocks.push_back(augmented_figure(runs));
  } else {
    heading(blocks, 2, "6 Regularisation", "section-6");
    say(blocks, {join("Each is added to the best network, which is trained with section 5's second strength, \"",
                      variant(StudyRuns::reference(6)).title, "\".")});
  }
  blocks.push_back(section_table(runs, section));
  say(blocks, section_sentences(runs, section));
  blocks.push_back(accuracy_figure(runs, section));
  blocks.push_back(comparison_table(runs, section));
  blocks.push_back(curves_figure(runs, section));
}

void add_pretrained(Blocks& blocks, const StudyRuns& runs) {
  heading(blocks, 2, "7 Pretrained architectures", "section-7");
  say(blocks,
      {"Networks that were trained on ImageNet's million photographs, without their last layers: they stay as they "
       "are, "
       "and only a head behind them learns expressions. The report gave all of them pixels / 255. The weights of each "
       "were made with another preparation of the pixels, from pixels between -1 and 1 to ImageNet's mean taken off "
       "and "
       "blue first, and a frozen network cannot learn to do without; the sound method gives each its own."});
  blocks.push_back(pretrained_table(runs));
  list(blocks, pretrained_sentences(runs));
  blocks.push_back(accuracy_figure(runs, 7));
  blocks.push_back(comparison_table(runs, 7));
  blocks.push_back(curves_figure(runs, 7));
}

void add_recipe(Blocks& blocks, const StudyRuns& runs) {
  heading(blocks, 2, "8 The recipe", "section-8");
  for (const std::string& id : runs.rows(8)) say(blocks, {about_text(id)});
  blocks.push_back(recipe_table(runs));
  list(blocks, recipe_sentences(runs));
  if (!runs.rows(8).empty()) {
    blocks.push_back(accuracy_figure(runs, 8));
    blocks.push_back(comparison_table(runs, 8));
    blocks.push_back(curves_figure(runs, 8));
  }
}

void add_models(Blocks& blocks, const StudyRuns& runs) {
  heading(blocks, 2, "Each network", "networks");
  say(blocks,
      {"What each takes for what, how good it is at each class, how far its sureness can be believed, and what "
       "it gets wrong.",
       runs.study().plan.options.brief
           ? "This report is a brief one: plots and mistakes are there for the best network and the recipe only."
           : ""});
  for (const Variant& one : variants()) blocks.push_back(model_fold(runs, one.id));
  heading(blocks, 2, "What the networks see", "sees");
  std::vector<std::string> ids{"best"};
  for (const std::string& id : runs.rows(8)) ids.push_back(id);
  int figure = 9;  // 7 is the pretrained architectures', 8 the recipe's
  for (const std::string& id : ids)
    for (DocumentBlock& block : what_it_sees(runs, id, figure)) blocks.push_back(std::move(block));
}

void add_making(Blocks& blocks, const StudyRuns& runs) {
  const Study& study = runs.study();
  const StudyOptions& options = study.plan.options;
  heading(blocks, 2, "How it was made", "making");
  DocumentTable facts{.id = "table-options",
                      .caption = "Options",
                      .head = {},
                      .rows = {},
                      .note = {},
                      .label = "Table O",
                      .groups = {}};
  const auto add = [&](const std::string& name, const std::string& value) {
    facts.rows.push_back({{.text = name}, {.text = value}});
  };
  add("pictures", options.synthetic ? join("drawn faces: ", options.people, " people, ", options.takes, " takes, seed ",
                                           options.face_seed)
                                    : join(grouped(study.data.size()), " photographs"));
  add("fingerprint of the pictures", study.plan.fingerprint);
  add("size, framing", join(options.size, " × ", options.size, ", ", options.framing));
  add("splits", options.split);
  add("method", options.method);
  add("seeds", join(runs.seeds()));
  add("epochs at most", join(options.epochs, " (section 3: 25)"));
  add("patience", join(options.patience));
  add("batch", join(options.batch));
  add("sections", options.sections);
  add("budget", options.budget);
  blocks.push_back(facts);
  say(blocks, {"The same plan on the same pictures gives the same results to the bit, whatever the number of threads "
               "and however often it "
               "was stopped on the way. To repeat it: expressions study --plan plan.json with the same pictures."});
  blocks.push_back(DocumentFold{.title = "Every run", .blocks = {runs_table(runs)}, .id = "every-run"});
  heading(blocks, 2, "Date, machine and timings", "timings");
  say(blocks, {"This section, and nothing else on the page, changes when the same study is run again."});
  DocumentTable place{.id = "table-surroundings",
                      .caption = "When and where",
                      .head = {},
                      .rows = {},
                      .note = {},
                      .label = "Table S",
                      .groups = {}};
  const Surroundings& around = study.surroundings;
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"version", around.version},
                                                                                    {"machine", around.machine},
                                                                                    {"threads", around.threads},
                                                                                    {"started", around.started},
                                                                                    {"finished", around.finished}})
    place.rows.push_back({{.text = name}, {.text = value.empty() ? "not recorded" : value}});
  blocks.push_back(place);
  blocks.push_back(timings_table(runs));
}

}  // namespace

Document study_document(const Study& study) {
  const StudyRuns runs(study);
  Document document{
      .title = "Categorizing facial expressions: the study again", .note = {}, .blocks = {}, .contents = true};
  document.note = join(
      "The 2021 report \"Categorizing Facial Expressions with Deep Learning\", done again by the command expressions "
      "study: "
      "every "
      "table, figure and sentence below is made from the results, and stands beside the report's own figures. ",
      study.plan.options.synthetic ? "The pictures are drawn faces, not photographs."
                                   : "The pictures are photographs.");
  Blocks& blocks = document.blocks;
  add_opening(blocks, runs);
  add_data(blocks, runs);
  add_overfit(blocks, runs);
  add_test(blocks, runs);
  add_change(blocks, runs, 5);
  add_change(blocks, runs, 6);
  add_pretrained(blocks, runs);
  add_recipe(blocks, runs);
  add_models(blocks, runs);
  add_making(blocks, runs);
  return document;
}

void write_report(const Study& study, const std::filesystem::path& folder) {
  const Document document = study_document(study);
  namespace fs = std::filesystem;
  const fs::path tables = make_folder_beside(folder / "tables"), figures = make_folder_beside(folder / "figures");
  for (const DocumentTable& table : tables_of(document))
    write_file_atomically(tables / (table.id + ".csv"), to_csv(table));
  for (const DocumentFigure& figure : figures_of(document)) {
    write_file_atomically(figures / (figure.id + ".svg"), figure.svg);
    if (can_make_png()) write_file_atomically(figures / (figure.id + ".png"), png_of(figure.svg, png_width(figure)));
  }
  replace_folder_atomically(tables, folder / "tables");
  replace_folder_atomically(figures, folder / "figures");
  write_file_atomically(folder / "report.md", to_markdown(document));
  write_file_atomically(folder / "report.html", to_html(document));
}

}  // namespace mien::expressions::study
