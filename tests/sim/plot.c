#include "tests/sim/plot.h"

#include <assert.h>
#include <math.h>

#define DOTS_MAX 12 /* more points than that are too close for dots */
#define SLACK 1e-9  /* a value on the edge of its frame is inside, however it was rounded */

/* h: title, s: small text (m in the middle, e at its end), g: grid, f: frame; l, d, n: line, dot and name of each enum plot_look. */
static const char style[] = ".h{fill:#15211F;font-size:14px;font-weight:600}.s{fill:#4B5A57}.m{text-anchor:middle}.e{text-anchor:end}"
                            ".g{stroke:#D5DDDB}.f{fill:#fff;stroke:#788885}"
                            ".l{fill:none;stroke-width:2;stroke-linejoin:round}"
                            ".l0{stroke:#0B5D57}.d0{fill:#0B5D57}.n0{fill:#0B5D57;font-weight:600}"
                            ".l1{stroke:#788885;stroke-width:1.5}.d1{fill:#788885}.n1{fill:#4B5A57}"
                            ".l2{stroke:#A2432B;stroke-width:1.5;stroke-dasharray:5 4}.n2{fill:#A2432B}";

static double x_px(const struct plot_panel *p, double x)
{
    assert(x >= p->x_min * (1 - SLACK) && x <= p->x_max * (1 + SLACK));
    return p->left + p->width * log(x / p->x_min) / log(p->x_max / p->x_min);
}

static double y_px(const struct plot_panel *p, double y)
{
    assert(y >= p->y_min - SLACK && y <= p->y_max + SLACK);
    return p->top + p->height * (p->y_max - y) / (p->y_max - p->y_min);
}

void plot_begin(FILE *out, double width, double height, const char *label)
{
    fprintf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\" "
        "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n",
        width, height, label);
    fprintf(out, "<style>%s</style>\n", style);
    fprintf(out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#F2F5F4\"/>\n", width, height);
}

void plot_end(FILE *out)
{
    fputs("</svg>\n", out);
}

/* 1000 as 1,000. */
static void put_count(FILE *out, double value)
{
    if (value >= 1000)
        fprintf(out, "%.0f,%03.0f", floor(value / 1000), fmod(value, 1000));
    else
        fprintf(out, "%.0f", value);
}

void plot_frame(const struct plot_panel *p, const double *x_ticks, size_t n_x, const double *y_ticks, size_t n_y)
{
    double right = p->left + p->width, bottom = p->top + p->height;
    fprintf(p->out, "<text class=\"h\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", p->left, p->top - 12, p->title);
    fprintf(p->out, "<rect class=\"f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", p->left, p->top, p->width, p->height);
    for (size_t i = 0; i < n_x; i++) {
        double x = x_px(p, x_ticks[i]);
        fprintf(p->out, "<path class=\"g\" d=\"M%.1f %.1fV%.1f\"/><text class=\"s m\" x=\"%.1f\" y=\"%.1f\">", x, p->top, bottom, x,
            bottom + 17);
        put_count(p->out, x_ticks[i]);
        fputs("</text>\n", p->out);
    }
    for (size_t i = 0; i < n_y; i++) {
        double y = y_px(p, y_ticks[i]);
        fprintf(p->out, "<path class=\"g\" d=\"M%.1f %.1fH%.1f\"/><text class=\"s e\" x=\"%.1f\" y=\"%.1f\">%.*f</text>\n", p->left, y,
            right, p->left - 7, y + 4, p->y_decimals, y_ticks[i]);
    }
    fprintf(p->out, "<text class=\"s m\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", p->left + p->width / 2, bottom + 34, p->x_name);
}

void plot_draw(const struct plot_panel *p, const struct plot_line *line)
{
    assert(line->n > 0);
    fprintf(p->out, "<path class=\"l l%d\" d=\"", (int)line->look);
    for (size_t i = 0; i < line->n; i++)
        fprintf(p->out, "%s%.1f %.1f", i == 0 ? "M" : "L", x_px(p, line->x[i]), y_px(p, line->y[i]));
    fputs("\"/>\n", p->out);
    for (size_t i = 0; i < line->n && line->n <= DOTS_MAX && line->look != PLOT_BOUND; i++)
        fprintf(
            p->out, "<circle class=\"d%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", (int)line->look, x_px(p, line->x[i]), y_px(p, line->y[i]));
    if (!line->name)
        return;
    size_t last = line->n - 1;
    fprintf(p->out, "<text class=\"n%d\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", (int)line->look, x_px(p, line->x[last]) + 7,
        y_px(p, line->y[last]) + 4 + line->name_dy, line->name);
}
