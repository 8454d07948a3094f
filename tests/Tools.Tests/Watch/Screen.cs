// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Tests.Watch;

/// <summary>A terminal as far as the frames use one. A control sequence it does not know fails the test.</summary>
internal sealed class Screen(int columns, int rows)
{
    private readonly List<char[]> _rows = [.. Enumerable.Range(0, rows).Select(_ => Blank(columns))];
    private readonly List<string> _scrolledAway = [];
    private int _row;
    private int _column;

    internal IEnumerable<string> Lines => _rows.Select(row => new string(row).TrimEnd());

    internal IEnumerable<string> ScrolledAway => _scrolledAway;

    internal Screen Write(string text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            switch (text[at])
            {
                case '\r':
                    _column = 0;
                    break;
                case '\n':
                    (_row, _column) = (_row + 1, 0);
                    Scroll();
                    break;
                case '\e':
                    at += Control(text.AsSpan(at));
                    break;
                default:
                    Put(text[at]);
                    break;
            }
        }

        return this;
    }

    private static char[] Blank(int columns) => [.. Enumerable.Repeat(' ', columns)];

    private void Put(char c)
    {
        if (_column == columns)
        {
            (_row, _column) = (_row + 1, 0);
            Scroll();
        }

        _rows[_row][_column++] = c;
    }

    private void Scroll()
    {
        if (_row == rows)
        {
            _scrolledAway.Add(new string(_rows[0]).TrimEnd());
            _rows.RemoveAt(0);
            _rows.Add(Blank(columns));
            _row--;
        }
    }

    /// <returns>Characters after ESC that belong to it. One that is not whole yet is left out.</returns>
    private int Control(ReadOnlySpan<char> text)
    {
        int end = text is [_, '[', .. var parameters] ? parameters.IndexOfAnyInRange('@', '~') is >= 0 and var final ? final + 2 : text.Length : 1;
        if (end >= text.Length)
        {
            return text.Length;
        }

        switch (text[1..(end + 1)])
        {
            case "[H":
                (_row, _column) = (0, 0);
                break;
            case "[K":
                _rows[_row].AsSpan(_column).Fill(' ');
                break;
            case "[J":
                _rows[_row].AsSpan(_column).Fill(' ');
                _rows[(_row + 1)..].ForEach(row => row.AsSpan().Fill(' '));
                break;
            case [.., 'm']:
                break;
            case var unknown:
                throw new InvalidOperationException($"ESC {unknown} is not for a frame");
        }

        return end;
    }
}
