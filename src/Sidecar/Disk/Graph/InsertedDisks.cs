// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Which disks we inserted ourselves into, in a file on tmpfs: a sidecar that is started after one was killed must know how to take its nodes out.</summary>
/// <remarks>
/// An entry is written before the first change of QEMU's graph and taken away after the last. So it means "perhaps": what is really the case, QEMU tells.
/// The file is replaced as a whole; a power cut needs no thought, as it ends QEMU too.
/// </remarks>
internal sealed class InsertedDisks
{
    private readonly string _path;
    private readonly Dictionary<string, InsertedDisk> _disks = new(StringComparer.Ordinal);

    public InsertedDisks(string path)
    {
        _path = path;
        if (File.Exists(path))
        {
            foreach (InsertedDisk disk in JsonSerializer.Deserialize(File.ReadAllBytes(path), InsertedDisksJson.Default.IReadOnlyListInsertedDisk) ?? [])
            {
                _disks[disk.Disk.Alias] = disk;
            }
        }
    }

    public IReadOnlyList<InsertedDisk> All => [.. _disks.Values];

    public InsertedDisk? Find(string alias) => _disks.GetValueOrDefault(alias);

    public void Add(InsertedDisk disk)
    {
        _disks[disk.Disk.Alias] = disk;
        Write();
    }

    public void Remove(string alias)
    {
        if (_disks.Remove(alias))
        {
            Write();
        }
    }

    private void Write()
    {
        string next = _path + ".new";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(All, InsertedDisksJson.Default.IReadOnlyListInsertedDisk));
        File.Move(next, _path, overwrite: true);
    }
}
